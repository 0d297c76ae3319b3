//! A `Wave` network, trained as the exact integers that it will compute.
//!
//! Every rounding of the forward pass is the integer network's own; the backward pass takes each
//! rounding for the identity, and the wave for the triangle that its table approximates.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use fhe_nn_examples::idx::{Dataset, PIXELS};
use ndarray::ArrayView1;
use rand_chacha::ChaCha8Rng;

use super::design::Design;
use super::fit::{Model, Pace, normal};
use super::lookup::Lookup;

/// From here on a pixel is white.
const THRESHOLD: f32 = 0.5;
/// Deviation of the hidden layer's weights before they are rounded.
const HIDDEN_START: f32 = 0.3;

/// How a network learns: weights that decay more are sparser, and leave less noise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaveRecipe {
    /// How fast the hidden layer's weights are learned.
    pub(crate) hidden: Pace,
    /// How fast the last layer's weights are learned.
    pub(crate) scores: Pace,
    /// Deviation of the last layer's weights before they are rounded.
    pub(crate) start: f32,
    /// The real number that a unit of a score stands for.
    pub(crate) unit: f64,
    /// The part of its width that a score may use at no cost.
    pub(crate) room: f64,
    /// What a score beyond that costs: how much steeper the loss gets with every unit.
    pub(crate) pressure: f64,
}

/// 784 pixels, ternary weights and waves, ten scores.
pub(crate) struct WaveNet {
    design: Design,
    recipe: WaveRecipe,
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
    pub(crate) fn new(
        design: Design,
        recipe: WaveRecipe,
        digits: &Dataset,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let changes = |column: ArrayView1<f32>| {
            let lit = column.iter().filter(|&&pixel| pixel >= THRESHOLD).count();
            f32::from(u8::from(0 < lit && lit < column.len()))
        };
        let mask = digits.images.columns().into_iter().map(changes).collect();
        let (neurons, values) = (design.neurons, design.phases * design.neurons);
        Ok(Self {
            lookup: Lookup::wave(&design),
            hidden_weight: normal((neurons, PIXELS), HIDDEN_START, rng)?,
            hidden_bias: normal(neurons, HIDDEN_START, rng)?,
            scores_weight: normal((10, values), recipe.start, rng)?,
            scores_bias: normal(10, 0.0, rng)?,
            mask: Tensor::from_vec(mask, (1, PIXELS), &Device::Cpu)?,
            design,
            recipe,
        })
    }

    /// The hidden layer's integer weights and phases.
    fn hidden(&self) -> Result<(Tensor, Tensor)> {
        let weights = self.hidden_weight.broadcast_mul(&self.mask)?;
        let phases = self.hidden_bias.as_tensor();
        Ok((
            rounded_within(&weights, 1.0)?,
            straight_through(phases, &phases.round()?)?,
        ))
    }

    /// The last layer's integer weights.
    fn scores(&self) -> Result<Tensor> {
        rounded_within(self.scores_weight.as_tensor(), self.design.weight_level)
    }

    /// The integer scores without their bias, n x 10.
    fn integers(&self, images: &Tensor) -> Result<Tensor> {
        let bits = images.ge(THRESHOLD)?.to_dtype(DType::F32)?;
        let (weights, phases) = self.hidden()?;
        let accumulators = bits.matmul(&weights.t()?)?.broadcast_add(&phases)?;
        let values = accumulators.apply_op1(self.lookup.clone())?;
        values.matmul(&self.scores()?.t()?)
    }

    /// What integer scores stand for.
    fn reals(&self, integers: &Tensor) -> Result<Tensor> {
        (integers * self.recipe.unit)?.broadcast_add(&self.scores_bias)
    }

    /// The real network that these integers stand for: a wave of period 4 and height 1.
    ///
    /// # Errors
    ///
    /// If a tensor operation fails.
    pub(crate) fn export(&self) -> Result<HashMap<String, Tensor>> {
        let (weights, phases) = self.hidden()?;
        let period = 4.0 / self.design.modulus as f64;
        let height = self.recipe.unit * f64::from(self.design.level);
        let [hidden, scores] = &self.design.names;
        Ok(HashMap::from([
            (format!("{hidden}.weight"), (weights.detach() * period)?),
            (format!("{hidden}.bias"), (phases.detach() * period)?),
            (
                format!("{scores}.weight"),
                (self.scores()?.detach() * height)?,
            ),
            (
                format!("{scores}.bias"),
                self.scores_bias.as_detached_tensor(),
            ),
        ]))
    }
}

impl Model for WaveNet {
    fn vars(&self) -> Vec<(Pace, Vec<Var>)> {
        let still = Pace {
            rate: 1.0,
            decay: 0.0,
        };
        vec![
            (self.recipe.hidden, vec![self.hidden_weight.clone()]),
            (self.recipe.scores, vec![self.scores_weight.clone()]),
            (
                still,
                vec![self.hidden_bias.clone(), self.scores_bias.clone()],
            ),
        ]
    }

    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.reals(&self.integers(images)?)
    }

    /// Half the square of what is beyond the room of each score.
    fn penalty(&self, scores: &Tensor) -> Result<Option<Tensor>> {
        let room = self.recipe.room * self.design.reach;
        let integers = (scores.broadcast_sub(&self.scores_bias)? / self.recipe.unit)?;
        let beyond = (integers.abs()? - room)?.relu()?;
        let squares = beyond.sqr()?.sum(1)?.mean(0)?;
        Ok(Some(
            (squares * (self.recipe.pressure * self.recipe.unit / 2.0))?,
        ))
    }
}

/// The nearest integers of at most this magnitude.
fn rounded_within(exact: &Tensor, level: f64) -> Result<Tensor> {
    straight_through(exact, &exact.round()?.clamp(-level, level)?)
}

/// The rounded tensor, whose gradient passes to the exact one as if nothing had been rounded.
fn straight_through(exact: &Tensor, rounded: &Tensor) -> Result<Tensor> {
    let rounded = rounded.detach();
    // adding what is 0 to the rounded values, and not the difference to the exact ones, keeps them
    // as they are to the last bit
    rounded + (exact - exact.detach())?
}
