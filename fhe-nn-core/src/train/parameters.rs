//! The learned parameters of a declaration, and their initial values.

use std::f64::consts::TAU;

use candle_core::{DType, Device, Result, Tensor, Var};
use fhe_nn_proof::spec::{Function, LinearSpec, Spec};
use fhe_nn_proof::widths::max_weight;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Normal};

use crate::quantize::period;

/// The learned parameters of one layer. Weights that a `Wave` reads are in units of integers, and biases in periods, so that
/// a step of Adam moves them as far as it moves a weight within its range; all others are reals.
#[derive(Debug, Clone)]
pub(crate) struct Learned {
    /// The weights, `[channels, taps]`, or the vectors of an embedding, `[vocabulary, dimension]`.
    pub(crate) weight: Var,
    /// The bias of each channel, `[channels]`.
    pub(super) bias: Option<Var>,
    /// Logarithm of the scale of each channel's weights, `[channels, 1]`; `None` if the scale is given.
    pub(super) log_scale: Option<Var>,
    /// Logarithm of a factor of all scales, `[1, 1]`, of the layer that makes the scores. It does not decay as weights do,
    /// and does not move their rounding: what the softmax needs is learned apart from the integers. In floating point it
    /// stays as it is.
    pub(super) log_gain: Option<Var>,
}

/// Standard deviation of ternary weights under a `Wave` before they are rounded.
const WAVE_DEVIATION: f64 = 0.3;
/// Scale of a neuron without weights.
pub(super) const LEAST_SCALE: f64 = 1e-6;
/// Standard deviation of the weights that read an antiperiodic activation, whose results are as often -1
/// as 1, times the square root of the number of inputs.
const SIGNED_DEVIATION: f64 = 0.6;

impl Learned {
    /// Random weights for layer `index`; `None` for a layer that has none.
    pub(super) fn random(
        spec: &Spec,
        index: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Option<Self>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(index as u64);
        let mut normal = |shape: (usize, usize), deviation: f64| {
            let normal = Normal::new(0.0, deviation).expect("a deviation is finite");
            let values = (0..shape.0 * shape.1).map(|_| normal.sample(&mut random) as f32);
            Var::from_vec(values.collect::<Vec<f32>>(), shape, device)
        };
        let layer = &spec.layers[index];
        if let Some([vocabulary, dimension]) = layer.op.vectors() {
            return Ok(Some(Learned {
                weight: normal((vocabulary, dimension), 1.0)?,
                bias: None,
                log_scale: None,
                log_gain: None,
            }));
        }
        let Some(linear) = layer.op.linear() else {
            return Ok(None);
        };
        let shape = (linear.channels, linear.taps);
        let wave = reads_wave(spec, index);
        let weight = normal(shape, deviation(spec, index, &linear))?;
        // phases are spread over the whole period
        let spread = if wave { 1.0 / TAU } else { 0.0 };
        let bias = normal((1, linear.channels), spread)?;
        let bias = Var::from_tensor(&bias.flatten_all()?)?;
        let log_scale = if wave {
            None
        } else {
            Some(log_scales(&weight, linear.weights)?)
        };
        let makes_scores = index + 1 == spec.layers.len();
        let log_gain = makes_scores.then(|| Var::zeros((1, 1), DType::F32, device));
        Ok(Some(Learned {
            weight,
            bias: Some(bias),
            log_scale,
            log_gain: log_gain.transpose()?,
        }))
    }
}

/// Whether a `Wave` reads the sums of layer `index`.
pub(super) fn reads_wave(spec: &Spec, index: usize) -> bool {
    let reader = spec.reader(index);
    reader.is_some_and(|act| act.function == Function::Wave)
}

fn deviation(spec: &Spec, index: usize, linear: &LinearSpec) -> f64 {
    let inputs = linear.taps.max(1) as f64;
    if reads_wave(spec, index) {
        // sums spread over a quarter of the period if a fifth of the inputs have their greatest value, as
        // in a digit
        let levels = (f64::from(spec.input.bits)).exp2() - 1.0;
        let level = if spec.sources(index)[0] == 0 {
            levels
        } else {
            1.0
        };
        let wanted = period(linear) / 8.0 / level / (inputs / 5.0).sqrt();
        return wanted.clamp(
            WAVE_DEVIATION,
            (max_weight(linear.weights) as f64 / 2.0).max(0.35),
        );
    }
    let before = spec.sources(index)[0].checked_sub(1);
    let before = before.and_then(|before| spec.layers[before].op.activation());
    if before.is_some_and(|act| act.function.is_antiperiodic()) {
        return SIGNED_DEVIATION / inputs.sqrt();
    }
    // He et al. 2015, "Delving Deep into Rectifiers", section 2.2
    (2.0 / inputs).sqrt()
}

/// Logarithms of the initial scales if scales are learned: `2 mean |w| / sqrt(max)` (Esser et al. 2020,
/// "Learned Step Size Quantization", section 2.1), but no more than the greatest weight needs.
pub(super) fn log_scales(weight: &Tensor, bits: u32) -> Result<Var> {
    let max = max_weight(bits) as f64;
    let sizes = weight.abs()?;
    let usual = (sizes.mean_keepdim(1)? * (2.0 / max.sqrt()))?;
    let most = (sizes.max_keepdim(1)? / max)?;
    Var::from_tensor(&usual.minimum(&most)?.maximum(LEAST_SCALE)?.log()?)
}
