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
    /// Real bias, including the contribution of constant inputs.
    pub(super) bias: f64,
    /// The bias under an antiperiodic activation, in units of the accumulator. It is an integer, before it
    /// is brought into range.
    pub(super) constant: f64,
    /// Number of weights that were cut to the greatest absolute value.
    pub(super) saturated: usize,
}

impl Neuron {
    /// Rounds the weights of a neuron, to multiples of a `preset` scale if there is one. Inputs that
    /// have the same value in every sample, as listed in `constant_inputs`, get a weight of 0 and move the
    /// bias instead.
    pub(super) fn new(
        floats: ArrayView1<'_, f64>,
        bias: f64,
        preset: Option<f64>,
        place: &Place<'_>,
        input: &Signal,
        constant_inputs: &[Option<i64>],
        calibration: &Calibration,
    ) -> Self {
        let max = max_weight(place.linear.weights);
        let varies = || {
            floats
                .iter()
                .zip(constant_inputs)
                .filter(|(_, c)| c.is_none())
        };
        let scale = match (place.function(), preset) {
            (Some(Function::Wave), _) => wave_unit(place.linear) / input.meaning.scale,
            (_, Some(preset)) => preset,
            _ => calibration.weights(&varies().map(|(&w, _)| w).collect::<Vec<_>>(), max),
        };
        let integer = |w: f64| (w / scale).round_ties_even().clamp(-max as f64, max as f64);
        let is_cut = |(w, _): &(&f64, _)| (**w / scale).round_ties_even().abs() > max as f64;
        let weight =
            |(&w, c): (&f64, &Option<i64>)| if c.is_none() { integer(w) as i16 } else { 0 };
        let weights: Vec<i16> = floats.iter().zip(constant_inputs).map(weight).collect();

        // an input that is always q contributes its weight times q - Z
        let absorbed = || {
            let shifted =
                |(&w, c): (&f64, &Option<i64>)| c.map(|q| (w, q - input.meaning.zero_point));
            floats.iter().zip(constant_inputs).filter_map(shifted)
        };
        let sum: i64 = weights.iter().map(|&w| i64::from(w)).sum();
        let centre = (input.meaning.zero_point * sum) as f64;
        let unit = scale * input.meaning.scale;
        let (bias, constant) = match place.function() {
            Some(Function::Wave) => {
                let units: f64 = absorbed().map(|(w, q)| integer(w) * q as f64).sum();
                let constant = constant_of(place.function(), bias, unit, centre);
                (bias + unit * units, constant + units)
            }
            _ => {
                let reals: f64 = absorbed().map(|(w, q)| w * q as f64).sum();
                let bias = bias + input.meaning.scale * reals;
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
    4.0 / f64::from(linear.accumulator).exp2()
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
