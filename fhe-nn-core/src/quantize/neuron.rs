//! A neuron: its scale, its integer weights and its bias.

use fhe_nn_proof::spec::{Function, LinearSpec};
use fhe_nn_proof::widths::max_weight;
use ndarray::ArrayView1;

use super::Calibration;
use super::place::Place;
use super::rounding::{Rounded, Rounding, nearest};
use super::tensor::Signal;

/// The integers of one neuron.
#[derive(Clone)]
pub(super) struct Neuron {
    /// Integer weights.
    pub(super) weights: Vec<i16>,
    /// Real value of one unit of a weight.
    pub(super) scale: f64,
    /// Real bias, including the contribution of inputs that are dropped.
    pub(super) bias: f64,
    /// The bias under an antiperiodic activation, in units of the accumulator. It is an integer, before it
    /// is brought into range.
    pub(super) constant: f64,
    /// Number of weights that were cut to the greatest absolute value.
    pub(super) saturated: usize,
    /// Whether its weights are multiples of its scale already.
    pub(super) is_exact: bool,
}

/// A weight is a multiple of its scale if it is this near to one, in units. 32-bit floats of up to 127 units are nearer.
const EXACT: f64 = 1e-4;

impl Neuron {
    /// Rounds the weights of a neuron: to the nearest multiples of a `preset` scale if there is one, as in the network that
    /// it comes from, and otherwise so that its sums are kept, unless they are multiples of their scale already. Inputs
    /// that have the same value in every sample and are dropped, with that value in `dropped`, get a weight of 0 and move
    /// the bias instead.
    pub(super) fn new(
        (floats, bias, preset, rounding): (
            ArrayView1<'_, f64>,
            f64,
            Option<f64>,
            Option<&Rounding>,
        ),
        place: &Place<'_>,
        input: &Signal,
        dropped: &[Option<i64>],
        calibration: &Calibration,
    ) -> Self {
        let max = max_weight(place.linear.weights);
        let taps = floats.len();
        // weights of inputs with several scales make up for them
        let floats = floats.iter().enumerate();
        let floats: Vec<f64> = floats
            .map(|(tap, w)| w * input.meaning.factor(tap, taps))
            .collect();
        let kept: Vec<f64> = floats
            .iter()
            .zip(dropped)
            .map(|(&w, c)| if c.is_none() { w } else { 0.0 })
            .collect();
        let unit_of_input = input.meaning.unit();
        let scale = match (place.function(), preset) {
            (Some(Function::Wave), _) => wave_unit(place.linear) / unit_of_input,
            (_, Some(preset)) => preset,
            _ => {
                let vary = floats.iter().zip(dropped).filter(|(_, c)| c.is_none());
                calibration.weights(&vary.map(|(&w, _)| w).collect::<Vec<_>>(), max)
            }
        };
        let integer = |w: f64| nearest(w / scale, max);
        let Rounded { weights, scale } = match (rounding, place.function(), preset) {
            (Some(rounding), function, None)
                if function != Some(Function::Wave) && calibration.searches_scales() =>
            {
                rounding.near_scale(&kept, scale, max)
            }
            (Some(rounding), _, None) => rounding.with_scale(&kept, scale, max),
            (_, _, _) => Rounded {
                weights: kept.iter().map(|&w| integer(w) as i16).collect(),
                scale,
            },
        };
        let is_exact = |(w, q): (&f64, &i16)| (w / scale - f64::from(*q)).abs() < EXACT;
        let is_cut = |w: &&f64| (**w / scale).round_ties_even().abs() > max as f64;

        // an input that is always q contributes its weight times q - Z
        let absorbed = || {
            let all = floats.iter().zip(dropped).enumerate();
            all.filter_map(|(tap, (&w, c))| c.map(|q| (w, q - input.meaning.zero_point(tap, taps))))
        };
        let centre = input.meaning.centre(ArrayView1::from(&weights)) as f64;
        let unit = scale * unit_of_input;
        let (bias, constant) = match place.function() {
            Some(Function::Wave) => {
                let units: f64 = absorbed().map(|(w, q)| integer(w) * q as f64).sum();
                let constant = constant_of(place.function(), bias, unit, centre);
                (bias + unit * units, constant + units)
            }
            _ => {
                let reals: f64 = absorbed().map(|(w, q)| w * q as f64).sum();
                let bias = bias + unit_of_input * reals;
                (bias, constant_of(place.function(), bias, unit, centre))
            }
        };
        Neuron {
            saturated: kept.iter().filter(is_cut).count(),
            is_exact: kept.iter().zip(&weights).all(is_exact),
            weights,
            scale,
            bias,
            constant,
        }
    }
}

/// Real value of one unit of an accumulator that a `Wave` reads. The period of 4 is `2^A` units.
pub(crate) fn wave_unit(linear: &LinearSpec) -> f64 {
    4.0 / period(linear)
}

/// The period of sums that wrap, in units of the accumulator.
pub(crate) fn period(linear: &LinearSpec) -> f64 {
    f64::from(linear.accumulator).exp2()
}

/// A bias in units of the accumulator, as an integer. Zero points contribute `centre` to the
/// accumulator.
pub(crate) fn constant_of(function: Option<Function>, bias: f64, unit: f64, centre: f64) -> f64 {
    match function {
        Some(Function::Wave) => (bias / unit).round_ties_even() - centre,
        // acc - centre + bias / unit >= 0 for an integer acc
        _ => (bias / unit - centre).floor(),
    }
}
