//! A neuron: its scale, its integer weights and its bias.

use fhe_nn_proof::spec::{Function, LinearSpec};
use fhe_nn_proof::widths::max_weight;
use ndarray::ArrayView1;

use super::Calibration;
use super::linear::Place;
use super::tensor::Signal;

/// The integers of one neuron.
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
}

impl Neuron {
    /// Rounds the weights of a neuron, to multiples of a `preset` scale if there is one. Inputs that
    /// have the same value in every sample and are dropped, with that value in `dropped`, get a weight of 0 and
    /// move the bias instead.
    pub(super) fn new(
        floats: ArrayView1<'_, f64>,
        bias: f64,
        preset: Option<f64>,
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
        let unit_of_input = input.meaning.unit();
        let varies = || floats.iter().zip(dropped).filter(|(_, c)| c.is_none());
        let scale = match (place.function(), preset) {
            (Some(Function::Wave), _) => wave_unit(place.linear) / unit_of_input,
            (_, Some(preset)) => preset,
            _ => calibration.weights(&varies().map(|(&w, _)| w).collect::<Vec<_>>(), max),
        };
        let integer = |w: f64| (w / scale).round_ties_even().clamp(-max as f64, max as f64);
        let is_cut = |(w, _): &(&f64, _)| (**w / scale).round_ties_even().abs() > max as f64;
        let weight =
            |(&w, c): (&f64, &Option<i64>)| if c.is_none() { integer(w) as i16 } else { 0 };
        let weights: Vec<i16> = floats.iter().zip(dropped).map(weight).collect();

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
            saturated: varies().filter(is_cut).count(),
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
