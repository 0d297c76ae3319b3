//! Linear layers: integer weights, constants and widths.

use crate::parallel::*;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::proved_ranges;
use fhe_nn_proof::spec::{ActivationSpec, Function, LinearSpec, Overflow};
use fhe_nn_proof::widths::Range;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::Calibration;
use super::neuron::{Neuron, period};
use super::report::{Fidelity, LayerReport};
use super::tensor::{Preactivation, Signal};
use crate::Error;
use crate::clear::linear_sums;
use crate::layer::Linear;

/// A declared linear layer with its reader.
pub(crate) struct Place<'a> {
    /// Name of the field.
    pub(crate) name: &'a str,
    /// The declaration.
    pub(crate) linear: &'a LinearSpec,
    /// The activation that reads the accumulators; `None` for the last layer.
    pub(crate) reader: Option<&'a ActivationSpec>,
    /// The scales of weights, if they come with the floats.
    pub(crate) preset: Option<Vec<f64>>,
    /// Whether biases make up for the mean error of the accumulators.
    pub(crate) corrects_bias: bool,
}

/// Accumulators of at most this many bits are summed without overflow.
const MAX_BITS: u32 = 62;
/// A neuron is near its promise if it uses at least this fraction of the promised range.
const NEAR: f64 = 0.95;

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
    let count = constants.iter().flatten().count();
    let dropped = match calibration.drops_constants() {
        true => constants,
        false => vec![None; place.linear.taps],
    };
    let neurons: Vec<Neuron> = (0..place.linear.channels)
        .into_par_iter()
        .map(|j| {
            let (weights, bias) = (float_weights.row(j), float_bias[j]);
            let preset = place.preset.as_ref().map(|preset| preset[j]);
            Neuron::new(weights, bias, preset, place, input, &dropped, calibration)
        })
        .collect();
    let weights = Array2::from_shape_fn(float_weights.raw_dim(), |(j, i)| neurons[j].weights[i]);
    let proved = proved_ranges(&weights, input.levels);
    place.hold(&proved, MAX_BITS)?;
    let padding: Vec<i64> = input.meaning.zero_points().collect();
    let window = place.linear.window.as_ref();
    let mut accumulators = linear_sums(&input.integers, &weights, window, &padding);
    let positions = place.linear.positions;
    let channels = accumulators.axis_chunks_iter(Axis(1), positions);
    let seen: Vec<Range> = channels
        .map(|of_channel| extent(of_channel.iter()))
        .collect();

    let wanted: Vec<f64> = neurons.iter().map(|neuron| neuron.constant).collect();
    let (constants, widths) = place.settle(&wanted, &proved, &seen, input.levels)?;
    let shift = |ranges: &[Range]| -> Vec<Range> {
        let shifted = ranges.iter().zip(&constants);
        shifted.map(|(range, t)| range.shifted_by(*t)).collect()
    };
    let (proved, seen) = (shift(&proved), shift(&seen));
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

impl Place<'_> {
    /// Finds the constants and widths of neurons. `proved` has the ranges that accumulators can reach, and
    /// `seen` those that they did reach, both without constants. `wanted` are the constants before they are
    /// brought into range. Inputs lie within `levels`.
    ///
    /// # Errors
    /// [`ModelError::AccumulatorBreaks`].
    pub(crate) fn settle(
        &self,
        wanted: &[f64],
        proved: &[Range],
        seen: &[Range],
        levels: Range,
    ) -> Result<(Vec<i64>, Vec<u32>), ModelError> {
        let held = match self.linear.overflow {
            Overflow::Checked => proved,
            Overflow::Calibrated | Overflow::Wrap => seen,
        };
        let constants = wanted.iter().zip(held).zip(proved);
        let constants: Vec<i64> = constants
            .map(|((&constant, held), proved)| self.constant(constant, *held, *proved))
            .collect();
        if self.linear.overflow == Overflow::Wrap {
            return Ok((constants, vec![self.linear.accumulator; wanted.len()]));
        }
        self.hold(held, self.linear.accumulator)?;
        let shift = |ranges: &[Range]| -> Vec<Range> {
            let shifted = ranges.iter().zip(&constants);
            shifted.map(|(range, t)| range.shifted_by(*t)).collect()
        };
        let (held, proved) = (shift(held), shift(proved));
        self.hold(&held, self.limit(levels))?;
        let widths = held.iter().zip(&proved);
        let widths = widths.map(|(held, proved)| self.width(*held, *proved));
        Ok((constants, widths.collect()))
    }

    /// The greatest width of a neuron's accumulator with its constant, under the promise and under the
    /// limit of a table that reads all bits.
    pub(crate) fn limit(&self, levels: Range) -> u32 {
        let promise = self.linear.promise(levels, self.reader);
        match self.reader {
            Some(act) if act.table.is_none() => promise.min(act.function.reader().max_width()),
            Some(_) | None => promise,
        }
    }

    /// The function that reads the accumulators.
    pub(super) fn function(&self) -> Option<Function> {
        self.reader.map(|act| act.function)
    }

    /// The integer added to a neuron's accumulators, which are held to `range` and can reach `proved` without it.
    fn constant(&self, wanted: f64, range: Range, proved: Range) -> i64 {
        match (self.function(), self.linear.overflow) {
            (Some(Function::Sign | Function::Wave), Overflow::Wrap) => {
                wanted.rem_euclid(period(self.linear)) as i64
            }
            (Some(Function::Sign), _) => threshold_within(range, wanted as i64),
            (Some(_), _) => centring(range, proved),
            (None, _) => 0,
        }
    }

    /// The width of accumulators that are held to a range. An antiperiodic table of k phases has at
    /// least 2k entries. Calibrated scores have a spare bit if the proof and the promise allow it,
    /// because a greatest score that exceeded its width would become the least.
    fn width(&self, held: Range, proved: Range) -> u32 {
        let phases = self.reader.map_or(1, |act| act.phases.max(1));
        let bits = held.signed_bits();
        let spare = match (self.reader, self.linear.overflow) {
            (None, Overflow::Calibrated) => (bits + 1)
                .min(proved.signed_bits())
                .min(self.linear.accumulator),
            (_, _) => bits,
        };
        spare.max(2).max(1 + phases.ilog2())
    }

    /// Refuses accumulators that need more bits than promised.
    fn hold(&self, ranges: &[Range], promised: u32) -> Result<(), ModelError> {
        let neurons = ranges.iter().map(|range| (*range, promised));
        ModelError::breaks(self.name, neurons).map_or(Ok(()), Err)
    }

    /// Neurons whose accumulators nearly leave the declared width.
    fn near(&self, ranges: &[Range]) -> Vec<usize> {
        let limit = NEAR * f64::from(self.linear.accumulator - 1).exp2();
        let is_near = |(_, range): &(usize, &Range)| range.max_abs() as f64 >= limit;
        match self.linear.overflow {
            Overflow::Wrap => Vec::new(),
            Overflow::Checked | Overflow::Calibrated => {
                let near = ranges.iter().enumerate().filter(is_near);
                near.map(|(neuron, _)| neuron).collect()
            }
        }
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

/// A threshold that gives the same signs over `range` as `wanted`, and that makes the range only as wide
/// as necessary: a neuron that always has the same sign keeps a margin only within its width. A
/// threshold near an end of the range takes one bit more than the range itself.
fn threshold_within(range: Range, wanted: i64) -> i64 {
    let (never, always) = (-range.hi - 1, -range.lo);
    if wanted < never {
        let bits = range.shifted_by(never).signed_bits();
        wanted.max(Range::signed(bits).lo - range.lo)
    } else if wanted > always {
        let bits = range.shifted_by(always).signed_bits();
        wanted.min(Range::signed(bits).hi - range.hi)
    } else {
        wanted
    }
}

/// The integer that brings all that a neuron can reach into fewer bits than it is held to, or else 0: sums of
/// inputs that are encoded as unsigned integers often lie on one side of 0.
fn centring(held: Range, proved: Range) -> i64 {
    let extent = proved.hi.saturating_sub(proved.lo);
    let bits = (64 - extent.leading_zeros()).max(2);
    if bits >= held.signed_bits() {
        return 0;
    }
    let levels = Range::signed(bits);
    if proved.hi > levels.hi {
        levels.hi - proved.hi
    } else {
        levels.lo - proved.lo
    }
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
