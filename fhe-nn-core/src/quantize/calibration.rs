//! Calibration: from observed values to scales.
//!
//! A range `[lo, hi]` of reals that is mapped to the levels `[l, h]` of integers has the scale
//! `S = (hi - lo) / (h - l)` and the zero point `Z = round(l - lo / S)`. Ranges include 0, so `Z` is a
//! level and 0 is exact (Jacob et al., 2018, section 2.1).

use std::fmt;

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::widths::Range;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How the quantizer finds scales from observed values.
///
/// ```
/// use fhe_nn_core::prelude::*;
/// use fhe_nn_core::quantize::Clipping;
/// use ndarray::{Array2, arr2};
///
/// #[fhe_network(input(shape = [2], bits = 4))]
/// struct Total {
///     #[bits(weights = 2)]
///     sum: Dense<2, 1>,
/// }
///
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let mut floats = Floats::new();
/// floats.insert("sum.weight", arr2(&[[1.0, 1.0]]).into_dyn())?;
/// // values from 0 to 1.5, and one that is far out: should the scale follow it?
/// let mut samples = Array2::from_shape_fn((500, 2), |(row, _)| (row % 16) as f32 / 10.0);
/// samples[[0, 0]] = 150.0;
///
/// let scale = |clipping| -> Result<f64, fhe_nn_core::Error> {
///     let calibration = Calibration::new().with_clipping(clipping);
///     let total = Total::quantize_with(&floats, samples.view(), &calibration)?.network;
///     Ok(total.client_spec().encoder.affines[0].scale)
/// };
/// assert!(scale(Clipping::MinMax)? > 9.0); //           16 levels up to 150
/// assert!(scale(Clipping::Percentile(99.0))? < 0.2); // 16 levels up to 1.5; 150 is cut off
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Calibration {
    clipping: Clipping,
    #[serde(default)]
    requantize: bool,
    #[serde(default)]
    drop_constants: bool,
}

/// The range of observed values that the levels of a tensor cover. Values outside it are clipped.
///
/// Inputs and the results of an activation share one range, and the weights of each neuron have a symmetric one.
/// An input of 1 bit always takes the extremes, because a narrower range would move the threshold between
/// its two levels.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Clipping {
    /// The range from the least to the greatest value, so that nothing is clipped.
    MinMax,
    /// The range up to this percentile of either tail, above 50 and at most 100.
    Percentile(f64),
    /// The range with the smallest mean squared error. Candidates begin at the extremes, so values
    /// that are levels already are kept exactly.
    #[default]
    Mse,
}

/// Number of values of a tensor, spread evenly, over which the mean squared error is computed.
const MSE_VALUES: usize = 1 << 15;
/// Ratio of one candidate range to the next larger, for tensors.
const TENSOR_STEP: f64 = 0.98;
/// Number of candidates for each end of a tensor's range, down to 0.2 of the extreme.
const TENSOR_STEPS: i32 = 80;
/// Ratio of one candidate range to the next larger, for weights. Two levels of normally distributed
/// weights keep 0.3 of the extreme.
const WEIGHT_STEP: f64 = 0.985;
/// Number of candidates for the range of weights, down to 0.05 of the extreme.
const WEIGHT_STEPS: i32 = 200;

impl Calibration {
    /// The default calibration: ranges with the smallest mean squared error.
    pub const fn new() -> Self {
        Calibration {
            clipping: Clipping::Mse,
            requantize: false,
            drop_constants: false,
        }
    }

    /// Sets which range of the observed values is kept; by default, that of the smallest mean squared error.
    pub const fn with_clipping(mut self, clipping: Clipping) -> Self {
        self.clipping = clipping;
        self
    }

    /// Sets what becomes of a scale that comes with the floats and has more levels than the declared width,
    /// as when a model of 8 bits is declared with 4. By default it is an error; with `true`, such a scale is
    /// found anew from the samples, and scales that fit are kept.
    pub const fn with_requantize(mut self, requantize: bool) -> Self {
        self.requantize = requantize;
        self
    }

    /// Sets whether inputs of a `Dense` layer that have the same value in every sample are dropped: their weights
    /// become 0, and the bias absorbs what they always add. By default they are kept, because an input that no
    /// sample changes may still change later. Dropping makes accumulators narrower where inputs are constant by
    /// their nature, such as the border of an image; [`LayerReport::dropped_inputs`](super::LayerReport) lists
    /// them. Layers whose scale of weights is kept are left as they are.
    pub const fn with_drop_constants(mut self, drop_constants: bool) -> Self {
        self.drop_constants = drop_constants;
        self
    }

    pub(crate) const fn drops_constants(&self) -> bool {
        self.drop_constants
    }

    pub(super) const fn requantizes(&self) -> bool {
        self.requantize
    }

    /// Refuses a percentile that does not keep a range.
    ///
    /// # Errors
    /// [`Error::Percentile`] if the percentile does not keep a range.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.clipping {
            Clipping::Percentile(percentile) if !(percentile > 50.0 && percentile <= 100.0) => {
                Err(Error::Percentile { percentile })
            }
            _ => Ok(()),
        }
    }

    /// Scale and zero point of a tensor with these values, which are finite.
    pub(crate) fn tensor<'a>(
        &self,
        values: impl ExactSizeIterator<Item = &'a f64> + Clone,
        levels: Range,
    ) -> Affine {
        let extremes = values
            .clone()
            .fold((0.0, 0.0), |(lo, hi), &x| (x.min(lo), x.max(hi)));
        let (lo, hi) = match self.clipping {
            Clipping::MinMax => extremes,
            Clipping::Percentile(percentile) => {
                let mut values: Vec<f64> = values.copied().collect();
                let lo = rank(&mut values, 100.0 - percentile).min(0.0);
                (lo, rank(&mut values, percentile).max(0.0))
            }
            Clipping::Mse => {
                let stride = values.len().div_ceil(MSE_VALUES).max(1);
                let values: Vec<f64> = values.step_by(stride).copied().collect();
                least_error(&values, extremes, levels)
            }
        };
        affine(lo, hi, levels)
    }

    /// Scale and zero point of values whose range need not include 0, less the end of the range that is next to 0, which
    /// comes second.
    pub(super) fn anywhere(&self, values: &[f64], levels: Range) -> (Affine, f64) {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // the end that is next to 0; values that never change are exact as a range from 0
        let end = if least >= greatest {
            0.0
        } else {
            least.max(0.0) + greatest.min(0.0)
        };
        let moved: Vec<f64> = values.iter().map(|x| x - end).collect();
        (self.tensor(moved.iter(), levels), end)
    }

    /// Scale of one neuron's weights, whose integers have absolute values of at most `max`.
    pub(super) fn weights(&self, weights: &[f64], max: i64) -> f64 {
        let extreme = weights.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
        let kept = match self.clipping {
            Clipping::MinMax => extreme,
            Clipping::Percentile(percentile) => {
                let mut sizes: Vec<f64> = weights.iter().map(|w| w.abs()).collect();
                rank(&mut sizes, percentile)
            }
            Clipping::Mse => {
                let error = |kept: f64| -> f64 {
                    let (scale, max) = (kept / max as f64, max as f64);
                    let errors = weights
                        .iter()
                        .map(|w| w - scale * (w / scale).round_ties_even().clamp(-max, max));
                    errors.map(|e| e * e).sum()
                };
                let candidates = (0..WEIGHT_STEPS).map(|k| extreme * WEIGHT_STEP.powi(k));
                least(candidates, error).unwrap_or(extreme)
            }
        };
        positive(kept / max as f64)
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.clipping {
            Clipping::MinMax => f.write_str("min-max"),
            Clipping::Percentile(percentile) => write!(f, "percentile {percentile}"),
            Clipping::Mse => f.write_str("mse"),
        }
    }
}

/// The scale and zero point that put `[lo, hi]`, which includes 0, on the levels.
fn affine(lo: f64, hi: f64, levels: Range) -> Affine {
    let scale = positive((hi - lo) / (levels.hi - levels.lo) as f64);
    let zero_point = (levels.lo as f64 - lo / scale).round_ties_even() as i64;
    Affine {
        scale,
        zero_point: zero_point.clamp(levels.lo, levels.hi),
    }
}

/// The scale itself, or 1 if values are all 0 or too small for a scale.
fn positive(scale: f64) -> f64 {
    if scale.is_normal() { scale } else { 1.0 }
}

/// The range within the extremes that has the least squared error. Its upper end is found first, then its lower.
fn least_error(values: &[f64], (min, max): (f64, f64), levels: Range) -> (f64, f64) {
    let error = |lo, hi| -> f64 {
        let affine = affine(lo, hi, levels);
        let errors = values
            .iter()
            .map(|&x| x - affine.real(affine.quantize(x, levels)));
        errors.map(|e| e * e).sum()
    };
    let ends = |extreme: f64| (0..TENSOR_STEPS).map(move |k| extreme * TENSOR_STEP.powi(k));
    let hi = least(ends(max), |hi| error(min, hi)).unwrap_or(max);
    let lo = least(ends(min), |lo| error(lo, hi)).unwrap_or(min);
    (lo, hi)
}

/// The candidate with the least error; the first one if several have it.
fn least(candidates: impl Iterator<Item = f64>, error: impl Fn(f64) -> f64) -> Option<f64> {
    candidates
        .map(|candidate| (candidate, error(candidate)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(candidate, _)| candidate)
}

/// The value at the rank nearest to a percentile, or 0 if there are no values.
fn rank(values: &mut [f64], percentile: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return 0.0;
    };
    let rank = (percentile / 100.0 * last as f64).round() as usize;
    *values
        .select_nth_unstable_by(rank.min(last), f64::total_cmp)
        .1
}
