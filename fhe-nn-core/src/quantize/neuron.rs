//! A neuron: its scale, its integer weights and its bias.

use fhe_nn_proof::part::proved_ranges;
use fhe_nn_proof::spec::{Function, LinearSpec};
use fhe_nn_proof::widths::max_weight;
use ndarray::{ArrayView1, Axis};

use super::Calibration;
use super::place::Place;
use super::reads::Reads;
use super::rounding::{Rounded, Rounding, nearest};

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

/// What the integers of a neuron are found from.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// Float weights.
    pub(super) weights: ArrayView1<'a, f64>,
    pub(super) bias: f64,
    /// The scale of the weights, if it comes with the floats.
    pub(super) preset: Option<f64>,
}

/// A weight is a multiple of its scale if it is this near to one, in units. 32-bit floats of up to 127 units are nearer.
const EXACT: f64 = 1e-4;

impl Neuron {
    /// Rounds the weights of a neuron: to the nearest multiples of a preset scale if there is one, as in the network that
    /// it comes from, and otherwise so that its sums are kept if there is a rounding for that, unless they are multiples of
    /// their scale already. Inputs that have the same value in every sample and are dropped, with that value in `dropped`,
    /// get a weight of 0 and move the bias instead.
    pub(super) fn new(
        given: Given<'_>,
        rounding: Option<&Rounding>,
        place: &Place<'_>,
        reads: Reads<'_>,
        calibration: &Calibration,
    ) -> Self {
        let Given {
            weights: floats,
            bias,
            preset,
        } = given;
        let Reads { input, dropped, .. } = reads;
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
        // an input that is always q contributes its weight times q - Z
        let absorbed = || {
            let all = floats.iter().zip(dropped).enumerate();
            all.filter_map(|(tap, (&w, c))| c.map(|q| (w, q - input.meaning.zero_point(tap, taps))))
        };
        let reals: f64 = absorbed().map(|(w, q)| w * q as f64).sum();
        let moved = bias + unit_of_input * reals;
        let integer = |w: f64| nearest(w / scale, max);
        let Rounded { weights, scale } = match (rounding, place.function(), preset) {
            (Some(rounding), function, None)
                if function != Some(Function::Wave) && calibration.searches_scales() =>
            {
                let step = |rounded: &Rounded| {
                    let weights = ArrayView1::from(&rounded.weights);
                    let centre = input.meaning.centre(weights) as f64;
                    let unit = rounded.scale * unit_of_input;
                    let constant = constant_of(function, moved, unit, centre);
                    let seen = || reads.extent(&rounding.windows, &rounded.weights);
                    let weights = weights.insert_axis(Axis(0)).to_owned();
                    let proved = proved_ranges(&weights, input.levels)[0];
                    let step = place.step(constant, proved, seen, input.levels);
                    step.map(|step| rounded.scale * step)
                };
                rounding.near_scale(&kept, scale, max, step)
            }
            (Some(rounding), _, None) => rounding.with_scale(&kept, scale, max),
            (_, _, _) => Rounded {
                weights: kept.iter().map(|&w| integer(w) as i16).collect(),
                scale,
            },
        };
        let is_exact = |(w, q): (&f64, &i16)| (w / scale - f64::from(*q)).abs() < EXACT;
        let is_cut = |w: &&f64| (**w / scale).round_ties_even().abs() > max as f64;

        let centre = input.meaning.centre(ArrayView1::from(&weights)) as f64;
        let unit = scale * unit_of_input;
        let (bias, constant) = match place.function() {
            Some(Function::Wave) => {
                let units: f64 = absorbed().map(|(w, q)| integer(w) * q as f64).sum();
                let constant = constant_of(place.function(), bias, unit, centre);
                (bias + unit * units, constant + units)
            }
            function => (moved, constant_of(function, moved, unit, centre)),
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
