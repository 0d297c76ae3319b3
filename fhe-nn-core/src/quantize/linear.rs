//! Linear layers: integer weights, constants and widths.

use crate::parallel::*;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::proved_ranges;
use fhe_nn_proof::spec::Overflow;
use fhe_nn_proof::widths::Range;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::Calibration;
use super::neuron::{Given, Neuron};
use super::place::Place;
use super::reads::Reads;
use super::report::{Fidelity, LayerReport};
use super::rounding::Rounding;
use super::tensor::{Preactivation, Signal};
use crate::Error;
use crate::clear::linear_sums;
use crate::layer::Linear;

/// Accumulators of at most this many bits are summed without overflow.
const MAX_BITS: u32 = 62;

/// Finds the integers of a linear layer, and its accumulators over the samples.
///
/// `real` has the values of the float network.
///
/// # Errors
/// [`ModelError::AccumulatorBreaks`].
pub(crate) fn quantize(
    place: &Place<'_>,
    input: &Signal,
    (float_weights, float_bias): (Array2<f64>, Array1<f64>),
    real: Array2<f64>,
    calibration: &Calibration,
) -> Result<(Linear, Preactivation, LayerReport), Error> {
    // a weight of a convolution multiplies many values
    let constants = match (place.linear.window, &place.preset) {
        (None, None) => constant_inputs(&input.integers),
        (_, _) => vec![None; place.linear.taps],
    };
    let positions = place.linear.positions;
    let count = constants.iter().flatten().count();
    let dropped = match calibration.drops_constants() {
        true => constants,
        false => vec![None; place.linear.taps],
    };
    let reads = Reads {
        linear: place.linear,
        input,
        dropped: &dropped,
        corrects_bias: place.corrects_bias,
    };
    let neuron = |j: usize, rounding: Option<&Rounding>| {
        let given = Given {
            weights: float_weights.row(j),
            bias: float_bias[j],
            preset: place.preset.as_ref().map(|preset| preset[j]),
        };
        Neuron::new(given, rounding, place, reads, calibration)
    };
    let channels = 0..place.linear.channels;
    let nearest: Vec<Neuron> = channels.into_par_iter().map(|j| neuron(j, None)).collect();
    let settled = if place.preset.is_some() || nearest.iter().all(|neuron| neuron.is_exact) {
        Settled::new(place, input, nearest)?
    } else {
        let groups = Rounding::of_groups(reads);
        let of_group = place.linear.channels / groups.len();
        let all = (0..nearest.len()).into_par_iter();
        let kept = all.map(|j| match nearest[j].is_exact {
            true => nearest[j].clone(),
            false => neuron(j, Some(&groups[j / of_group])),
        });
        match Settled::new(place, input, kept.collect()) {
            // a promise that the nearest integers keep is kept
            Err(ModelError::AccumulatorBreaks { .. }) => Settled::new(place, input, nearest)?,
            settled => settled?,
        }
    };
    let Settled {
        neurons,
        weights,
        mut accumulators,
        proved,
        seen,
        constants,
        widths,
    } = settled;
    let scales = Array1::from_iter(neurons.iter().map(|n| n.scale)).insert_axis(Axis(1));
    let dequantized = weights.mapv(f64::from) * &scales;
    let taps = weights.ncols();
    let mut kept = float_weights;
    for (tap, mut column) in kept.axis_iter_mut(Axis(1)).enumerate() {
        column *= input.meaning.factor(tap, taps);
    }
    let dropped = dropped.iter().enumerate();
    let dropped: Vec<usize> = dropped.filter_map(|(i, c)| c.map(|_| i)).collect();
    for &i in &dropped {
        kept.column_mut(i).fill(0.0);
    }
    let report = LayerReport {
        layer: place.name.to_owned(),
        neurons: neurons.len(),
        total_weights: weights.len(),
        declared: place.linear.accumulator,
        overflow: place.linear.overflow,
        proved: hull(&proved),
        seen: hull(&seen),
        narrowest: widths.iter().copied().min().unwrap_or(0),
        widest: widths.iter().copied().max().unwrap_or(0),
        near: place.near(match place.linear.overflow {
            Overflow::Checked => &proved,
            Overflow::Calibrated | Overflow::Wrap => &seen,
        }),
        unproved: match place.linear.overflow {
            Overflow::Checked | Overflow::Wrap => 0,
            Overflow::Calibrated => {
                let beyond = |(range, width): &(&Range, &u32)| range.signed_bits() > **width;
                proved.iter().zip(&widths).filter(beyond).count()
            }
        },
        constant_inputs: count,
        dropped_inputs: dropped,
        saturated: neurons.iter().map(|n| n.saturated).sum(),
        weights: Fidelity::of(&kept, &dequantized),
        results: Fidelity::default(),
    };
    let mut linear = Linear {
        weights,
        constants,
        widths,
        scales: neurons.iter().map(|n| n.scale).collect(),
        bias: neurons.iter().map(|n| n.bias).collect(),
        input: input.meaning.clone(),
    };
    if place.corrects_bias {
        correct_bias(&mut linear, &real, &accumulators);
    }
    let channels = accumulators.axis_chunks_iter_mut(Axis(1), positions);
    for (mut of_channel, &constant) in channels.zip(&linear.constants) {
        of_channel.mapv_inplace(|acc| acc + constant);
    }
    let before = Preactivation {
        real,
        accumulators,
        lines: (0..linear.outputs()).map(|j| linear.line(j)).collect(),
        widths: linear.widths.clone(),
    };
    Ok((linear, before, report))
}

/// Integer weights with the constants and widths that the promise allows them.
struct Settled {
    neurons: Vec<Neuron>,
    /// `[channels, taps]`.
    weights: Array2<i16>,
    /// Sums over the samples without constants, `[samples, neurons]`.
    accumulators: Array2<i64>,
    /// The range that the accumulators of each channel can reach, with its constant.
    proved: Vec<Range>,
    /// The range that they reached over the samples, with the constant.
    seen: Vec<Range>,
    constants: Vec<i64>,
    widths: Vec<u32>,
}

impl Settled {
    /// Finds constants and widths for these weights.
    ///
    /// # Errors
    /// [`ModelError::AccumulatorBreaks`].
    fn new(place: &Place<'_>, input: &Signal, neurons: Vec<Neuron>) -> Result<Self, ModelError> {
        let shape = (neurons.len(), place.linear.taps);
        let weights = Array2::from_shape_fn(shape, |(j, i)| neurons[j].weights[i]);
        let proved = proved_ranges(&weights, input.levels);
        place.hold(&proved, MAX_BITS)?;
        let padding: Vec<i64> = input.meaning.zero_points().collect();
        let window = place.linear.window.as_ref();
        let accumulators = linear_sums(&input.integers, &weights, window, &padding);
        let channels = accumulators.axis_chunks_iter(Axis(1), place.linear.positions);
        let seen: Vec<Range> = channels
            .map(|of_channel| extent(of_channel.iter()))
            .collect();
        let wanted: Vec<f64> = neurons.iter().map(|neuron| neuron.constant).collect();
        let (constants, widths) = place.settle(&wanted, &proved, &seen, input.levels)?;
        let shift = |ranges: &[Range]| -> Vec<Range> {
            let shifted = ranges.iter().zip(&constants);
            shifted.map(|(range, t)| range.shifted_by(*t)).collect()
        };
        Ok(Settled {
            proved: shift(&proved),
            seen: shift(&seen),
            neurons,
            weights,
            accumulators,
            constants,
            widths,
        })
    }
}

/// Moves each bias by the mean difference between the real values and what the accumulators stand
/// for: rounded weights err in one direction on inputs that are never negative (Nagel et al., 2019,
/// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2).
fn correct_bias(linear: &mut Linear, real: &Array2<f64>, accumulators: &Array2<i64>) {
    let positions = real.ncols() / linear.outputs().max(1);
    let reals = real.axis_chunks_iter(Axis(1), positions);
    let channels = reals.zip(accumulators.axis_chunks_iter(Axis(1), positions));
    for (j, (reals, accumulators)) in channels.enumerate() {
        let line = linear.line(j);
        let pairs = reals.iter().zip(accumulators.iter());
        let constant = linear.constants[j];
        let error: f64 = pairs.map(|(&x, &acc)| x - line.real(acc + constant)).sum();
        linear.bias[j] += error / reals.len() as f64;
    }
}

/// For inputs that have the same value in every sample, that value. A single sample shows none.
pub(crate) fn constant_inputs(integers: &Array2<i64>) -> Vec<Option<i64>> {
    let constant = |column: ArrayView1<'_, i64>| {
        let first = *column.first()?;
        (column.len() > 1 && column.iter().all(|&q| q == first)).then_some(first)
    };
    integers.columns().into_iter().map(constant).collect()
}

/// The range from the least to the greatest value.
pub(crate) fn extent<'a>(values: impl Iterator<Item = &'a i64> + Clone) -> Range {
    Range {
        lo: values.clone().copied().min().unwrap_or(0),
        hi: values.copied().max().unwrap_or(0),
    }
}

fn hull(ranges: &[Range]) -> Range {
    Range {
        lo: ranges.iter().map(|r| r.lo).min().unwrap_or(0),
        hi: ranges.iter().map(|r| r.hi).max().unwrap_or(0),
    }
}
