//! The `Wave` network, trained as the exact integers that it will compute.
//!
//! Every rounding of the forward pass is the integer network's own; the backward pass takes each
//! rounding for the identity, and the wave for the triangle that its table approximates.

use std::collections::HashMap;

use candle_core::{CpuStorage, CustomOp1, D, DType, Device, Layout, Result, Shape, Tensor, Var};
use fhe_nn_examples::idx::{Dataset, PIXELS};
use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;

use super::fit::{Model, normal};

/// Neurons, and so bootstraps.
const NEURONS: usize = 64;
/// Values of the accumulator before it wraps.
const MODULUS: usize = 32;
/// Values per neuron.
const PHASES: usize = 4;
/// Largest magnitude in the wave's table.
const LEVEL: i32 = 7;
/// Largest magnitude of an integer weight of the last layer.
const SCORE_LEVEL: f64 = 7.0;
/// The sum of a digit's integer weights, in magnitude, that 13 bits hold.
const PROMISE: i32 = ((1 << 12) - 1) / LEVEL;
/// The real number that a unit of the accumulator stands for: the wave's real period is 4.
const UNIT: f64 = 4.0 / MODULUS as f64;
/// From here on a pixel is white.
const THRESHOLD: f32 = 0.5;

/// Added to an accumulator to get each of its values.
fn shifts() -> [i32; PHASES] {
    std::array::from_fn(|phase| (phase * MODULUS / (2 * PHASES)) as i32)
}

/// The wave's table: 2^3 odd levels over one period.
fn table() -> [i32; MODULUS] {
    std::array::from_fn(|r| {
        let half = (MODULUS / 2) as f64;
        let falling = 1.0 - (2.0 * (r as f64 % half) + 1.0) / MODULUS as f64;
        let level = 2 * (falling * f64::from(LEVEL)).round() as i32 - LEVEL;
        if r < MODULUS / 2 { level } else { -level }
    })
}

/// Looks `PHASES` values of a function of period `MODULUS` up for each integer: n x m to n x 4m.
struct Lookup {
    table: [f32; MODULUS],
    slope: [f32; MODULUS],
}

impl Lookup {
    /// The wave with values in [-1, 1], and the slope of the triangle that it approximates.
    fn wave() -> Self {
        let half = MODULUS / 2;
        let slope = 2.0 / half as f32;
        Self {
            table: table().map(|level| level as f32 / LEVEL as f32),
            slope: std::array::from_fn(|r| if r < half { -slope } else { slope }),
        }
    }
}

impl CustomOp1 for Lookup {
    fn name(&self) -> &'static str {
        "lookup"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = layout.shape().dims2()?;
        let Some((start, end)) = layout.contiguous_offsets() else {
            candle_core::bail!("lookup needs a contiguous tensor")
        };
        let mut values = Vec::with_capacity(PHASES * rows * columns);
        for row in storage.as_slice::<f32>()?[start..end].chunks_exact(columns) {
            for shift in shifts() {
                values.extend(row.iter().map(|&accumulator| {
                    let index = (accumulator as i32 + shift).rem_euclid(MODULUS as i32);
                    self.table[index as usize]
                }));
            }
        }
        Ok((
            CpuStorage::F32(values),
            Shape::from((rows, PHASES * columns)),
        ))
    }

    fn bwd(&self, accumulators: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (rows, columns) = accumulators.dims2()?;
        let slope = Self {
            table: self.slope,
            slope: [0.0; MODULUS],
        };
        let slopes = accumulators.apply_op1_no_bwd(&slope)?;
        let gradient = (gradient * slopes)?
            .reshape((rows, PHASES, columns))?
            .sum(1)?;
        Ok(Some(gradient))
    }
}

/// 784 pixels, ternary weights and waves of 64 neurons, ten scores.
pub(crate) struct WaveNet {
    hidden_weight: Var,
    hidden_bias: Var,
    scores_weight: Var,
    scores_bias: Var,
    /// 0 for pixels that are ignored, else 1.
    mask: Tensor,
}

impl WaveNet {
    /// A network with random weights, which ignores the pixels that these digits never change.
    ///
    /// # Errors
    ///
    /// If candle cannot make the tensors.
    pub(crate) fn new(digits: &Dataset, rng: &mut ChaCha8Rng) -> Result<Self> {
        let changes = |column: ArrayView1<f32>| {
            let lit = column.iter().filter(|&&pixel| pixel >= THRESHOLD).count();
            f32::from(u8::from(0 < lit && lit < column.len()))
        };
        let mask = digits.images.columns().into_iter().map(changes).collect();
        Ok(Self {
            hidden_weight: normal((NEURONS, PIXELS), 0.3, rng)?,
            hidden_bias: normal(NEURONS, 0.3, rng)?,
            scores_weight: normal((10, PHASES * NEURONS), 0.06, rng)?,
            scores_bias: normal(10, 0.0, rng)?,
            mask: Tensor::from_vec(mask, (1, PIXELS), &Device::Cpu)?,
        })
    }

    /// The hidden layer's integer weights and phases.
    fn hidden(&self) -> Result<(Tensor, Tensor)> {
        let weights = self.hidden_weight.broadcast_mul(&self.mask)?;
        let ternary = weights.round()?.clamp(-1.0, 1.0)?;
        let phases = self.hidden_bias.as_tensor();
        Ok((
            straight_through(&weights, &ternary)?,
            straight_through(phases, &phases.round()?)?,
        ))
    }

    /// The last layer's weights, integers times a scale per digit.
    fn scores(&self) -> Result<Tensor> {
        let weights = self.scores_weight.as_tensor();
        let scales = (weights.abs()?.max_keepdim(D::Minus1)? / SCORE_LEVEL)?;
        let integers = weights
            .broadcast_div(&scales)?
            .round()?
            .clamp(-SCORE_LEVEL, SCORE_LEVEL)?;
        straight_through(weights, &integers.broadcast_mul(&scales)?)
    }

    /// Sets the least of a digit's last weights to 0 until its accumulator keeps the width that is
    /// declared for it: a 13-bit sum of values of at most `LEVEL` holds `PROMISE` of integer weights.
    ///
    /// # Errors
    ///
    /// If a tensor operation fails.
    pub(crate) fn keep_promise(&self) -> Result<()> {
        let mut rows = self.scores_weight.to_vec2::<f32>()?;
        for row in &mut rows {
            let largest = row
                .iter()
                .fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
            let unit = largest / SCORE_LEVEL as f32;
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|&a, &b| row[a].abs().total_cmp(&row[b].abs()));
            let integer = |weight: f32| (weight / unit).round().abs() as i32;
            let mut sum: i32 = row.iter().map(|&weight| integer(weight)).sum();
            for index in order {
                if sum <= PROMISE {
                    break;
                }
                sum -= integer(row[index]);
                row[index] = 0.0;
            }
        }
        let (digits, values) = self.scores_weight.dims2()?;
        let rows = Tensor::from_vec(rows.concat(), (digits, values), &Device::Cpu)?;
        self.scores_weight.set(&rows)
    }

    /// The real network that these integers stand for: a wave of period 4, a scale per digit.
    ///
    /// # Errors
    ///
    /// If a tensor operation fails.
    pub(crate) fn export(&self) -> Result<HashMap<&'static str, Tensor>> {
        let (weights, phases) = self.hidden()?;
        Ok(HashMap::from([
            ("hidden.weight", (weights.detach() * UNIT)?),
            ("hidden.bias", (phases.detach() * UNIT)?),
            ("scores.weight", self.scores()?.detach()),
            ("scores.bias", self.scores_bias.as_detached_tensor()),
        ]))
    }
}

impl Model for WaveNet {
    fn vars(&self) -> Vec<Var> {
        [
            &self.hidden_weight,
            &self.hidden_bias,
            &self.scores_weight,
            &self.scores_bias,
        ]
        .map(Var::clone)
        .into()
    }

    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let bits = images.ge(THRESHOLD)?.to_dtype(DType::F32)?;
        let (weights, phases) = self.hidden()?;
        let accumulators = bits.matmul(&weights.t()?)?.broadcast_add(&phases)?;
        let values = accumulators.apply_op1(Lookup::wave())?;
        values
            .matmul(&self.scores()?.t()?)?
            .broadcast_add(&self.scores_bias)
    }
}

/// The rounded tensor, whose gradient passes to the exact one as if nothing had been rounded.
fn straight_through(exact: &Tensor, rounded: &Tensor) -> Result<Tensor> {
    let rounded = rounded.detach();
    // adding what is 0 to the rounded values, and not the difference to the exact ones, keeps them
    // as they are to the last bit
    rounded + (exact - exact.detach())?
}
