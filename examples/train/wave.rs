//! The `Wave` network, trained as the exact integers that it will compute.
//!
//! Every rounding of the forward pass is the integer network's own; the backward pass takes each
//! rounding for the identity, and the wave for the triangle that its table approximates.

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor, Var};
use fhe_nn_examples::idx::{Dataset, PIXELS};
use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;

use super::design::Design;
use super::fit::{Model, normal};
use super::lookup::Lookup;

/// From here on a pixel is white.
const THRESHOLD: f32 = 0.5;

/// 784 pixels, ternary weights and waves, ten scores.
pub(crate) struct WaveNet {
    design: Design,
    lookup: Lookup,
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
    pub(crate) fn new(design: Design, digits: &Dataset, rng: &mut ChaCha8Rng) -> Result<Self> {
        let changes = |column: ArrayView1<f32>| {
            let lit = column.iter().filter(|&&pixel| pixel >= THRESHOLD).count();
            f32::from(u8::from(0 < lit && lit < column.len()))
        };
        let mask = digits.images.columns().into_iter().map(changes).collect();
        let (neurons, values) = (design.neurons, design.phases * design.neurons);
        Ok(Self {
            lookup: Lookup::wave(&design),
            hidden_weight: normal((neurons, PIXELS), 0.3, rng)?,
            hidden_bias: normal(neurons, 0.3, rng)?,
            scores_weight: normal((10, values), 0.06, rng)?,
            scores_bias: normal(10, 0.0, rng)?,
            mask: Tensor::from_vec(mask, (1, PIXELS), &Device::Cpu)?,
            design,
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
        let level = self.design.weight_level;
        let scales = (weights.abs()?.max_keepdim(D::Minus1)? / level)?;
        let integers = weights
            .broadcast_div(&scales)?
            .round()?
            .clamp(-level, level)?;
        straight_through(weights, &integers.broadcast_mul(&scales)?)
    }

    /// The real network that these integers stand for: a wave of period 4, a scale per digit.
    ///
    /// # Errors
    ///
    /// If a tensor operation fails.
    pub(crate) fn export(&self) -> Result<HashMap<String, Tensor>> {
        let (weights, phases) = self.hidden()?;
        let unit = 4.0 / self.design.modulus as f64;
        let [hidden, scores] = &self.design.names;
        let tensors = [
            (hidden, "weight", (weights.detach() * unit)?),
            (hidden, "bias", (phases.detach() * unit)?),
            (scores, "weight", self.scores()?.detach()),
            (scores, "bias", self.scores_bias.as_detached_tensor()),
        ];
        let named = tensors.map(|(layer, kind, tensor)| (format!("{layer}.{kind}"), tensor));
        Ok(HashMap::from(named))
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
        let values = accumulators.apply_op1(self.lookup.clone())?;
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
