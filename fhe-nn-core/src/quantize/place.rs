//! A declared linear layer: which constants and widths its promise allows.

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{ActivationSpec, Function, LinearSpec, Overflow};
use fhe_nn_proof::widths::Range;

use super::neuron::period;

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

/// A neuron is near its promise if it uses at least this fraction of the promised range.
const NEAR: f64 = 0.95;
/// Where a scale is chosen, a range that the samples promise is taken to be wider by this share. Of 0, 0.1, 0.2 and 0.4,
/// it had the least errors of scores on MNIST's test images with tables of 8 bits, and 0.2 with tables of 6
/// (`--example ptq`, the networks of 4 to 8 bits).
const HEADROOM: f64 = 0.4;

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

    /// The multiples, in units of the accumulator, to which a table rounds the accumulators of a neuron: 0 if it reads all
    /// bits. They can reach `proved`, and `seen` is what they reach over the samples, both without their constant, which is
    /// `wanted` before it is brought into range. `None` if the promise breaks.
    ///
    /// What samples show is taken to be wider by [`HEADROOM`]: a range that fills its width leaves no room for inputs
    /// that no sample shows.
    pub(super) fn step(
        &self,
        wanted: f64,
        proved: Range,
        seen: impl FnOnce() -> Range,
        levels: Range,
    ) -> Option<f64> {
        let rounds = self.reader.filter(|act| act.table.is_some());
        let (seen, act) = match (self.linear.overflow, rounds) {
            (Overflow::Checked, Some(act)) => (proved, act),
            (Overflow::Calibrated, Some(act)) => {
                let seen = seen();
                let beyond = ((seen.hi - seen.lo) as f64 * HEADROOM / 2.0) as i64;
                let wider = Range {
                    lo: (seen.lo - beyond).max(proved.lo),
                    hi: (seen.hi + beyond).min(proved.hi),
                };
                (wider, act)
            }
            // sums that wrap keep their width whatever the scale
            (Overflow::Wrap, _) | (_, None) => return Some(0.0),
        };
        let (_, widths) = self.settle(&[wanted], &[proved], &[seen], levels).ok()?;
        let dropped = widths[0] - act.table_bits(widths[0]);
        Some(if dropped > 0 {
            f64::from(dropped).exp2()
        } else {
            0.0
        })
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
    pub(super) fn hold(&self, ranges: &[Range], promised: u32) -> Result<(), ModelError> {
        let neurons = ranges.iter().map(|range| (*range, promised));
        ModelError::breaks(self.name, neurons).map_or(Ok(()), Err)
    }

    /// Neurons whose accumulators nearly leave the declared width.
    pub(super) fn near(&self, ranges: &[Range]) -> Vec<usize> {
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

#[cfg(test)]
mod tests {
    use fhe_nn_proof::spec::Rounding;

    use super::*;

    fn step(overflow: Overflow, accumulator: u32, seen: Range) -> Option<f64> {
        let linear = LinearSpec {
            channels: 1,
            taps: 4,
            positions: 1,
            window: None,
            flat: false,
            weights: 4,
            accumulator,
            overflow,
        };
        let reader = ActivationSpec {
            function: Function::Relu,
            output: 4,
            table: Some(5),
            rounding: Rounding::Exact,
            phases: 1,
        };
        let place = Place {
            name: "fc",
            linear: &linear,
            reader: Some(&reader),
            preset: None,
            corrects_bias: true,
        };
        // nine bits
        let proved = Range { lo: -200, hi: 200 };
        place.step(0.0, proved, || seen, Range::unsigned(4))
    }

    #[test]
    fn tables_round_to_steps_of_the_width_that_is_held() {
        let seen = Range { lo: -50, hi: 50 };
        assert_eq!(step(Overflow::Checked, 10, seen), Some(16.0));
        // seven bits, but 1.4 times what was seen has eight
        assert_eq!(step(Overflow::Calibrated, 10, seen), Some(8.0));
        let narrow = Range { lo: -10, hi: 10 };
        assert_eq!(step(Overflow::Calibrated, 10, narrow), Some(0.0));
        assert_eq!(step(Overflow::Wrap, 10, seen), Some(0.0));
        assert_eq!(step(Overflow::Checked, 8, seen), None);
    }
}
