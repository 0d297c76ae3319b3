//! The common part of layers with weights and accumulators.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::activation::ActivationSpec;
use crate::client::is_scale;
use crate::error::ModelError;
use crate::graph::builder::Builder;
use crate::graph::map::Map;
use crate::model::reader::{ModelReader, Place};
use crate::part::{Linear, Part, proved_ranges};
use crate::spec::flow_error::FlowError;
use crate::spec::function::Function;
use crate::spec::law::{Law, law, weights};
use crate::spec::tensor::{Tensor, TensorKind};
use crate::spec::window::Window;
use crate::widths::{MAX_ACCUMULATOR_BITS, MAX_REACH_BITS, Range, accumulator_bits, max_weight};

/// The part that all layers with weights and accumulators have in common.
///
/// Each of `channels` sets of weights makes one neuron at each of `positions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearSpec {
    /// Number of sets of weights.
    pub channels: usize,
    /// Number of weights of a set: the fan-in.
    pub taps: usize,
    /// Number of neurons of each set.
    pub positions: usize,
    /// The windows of a convolution.
    pub window: Option<Window>,
    /// Whether the windows move along one axis.
    pub flat: bool,
    /// Width of a weight.
    pub weights: u32,
    /// Width that the accumulator is held to.
    pub accumulator: u32,
    /// What holds the accumulator to its width.
    pub overflow: Overflow,
}

/// What holds an accumulator to its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Overflow {
    /// Proved: no input makes it leave the width.
    Checked,
    /// Seen in calibration: outside the width, the table continues antiperiodically.
    Calibrated,
    /// The accumulator is an integer modulo `2^accumulator`.
    Wrap,
}

impl LinearSpec {
    /// Number of neurons.
    pub const fn neurons(&self) -> usize {
        self.channels * self.positions
    }

    /// Width of the accumulator in the worst case of the widths; `None` beyond 63 bits.
    pub fn worst_case(&self, input: Range) -> Option<u32> {
        accumulator_bits(self.taps, input, self.weights)
    }

    /// Checks that its sums fit 64 bits, whatever width they are held to.
    pub(super) fn check_widths(&self, input: Range) -> Result<(), FlowError> {
        match self.worst_case(input) {
            Some(..=MAX_REACH_BITS) => Ok(()),
            _ => Err(FlowError::Reach {
                taps: self.taps,
                input: input.max_abs(),
                weight: max_weight(self.weights),
            }),
        }
    }

    /// The widest accumulator that a neuron may have. A written `accumulator` is the promise; where none
    /// was written, the promise is the worst case of the sum. `Sign` adds a threshold to that sum, which
    /// takes one bit more if it lies near an end of the range.
    pub fn promise(&self, input: Range, reader: Option<&ActivationSpec>) -> u32 {
        let sign = reader.is_some_and(|act| act.function == Function::Sign);
        let written = self
            .worst_case(input)
            .is_none_or(|worst| self.accumulator < worst);
        self.accumulator + u32::from(sign && !written && self.overflow != Overflow::Wrap)
    }

    /// The integers of the layer at `place`.
    pub(super) fn read(
        &self,
        reader: &mut ModelReader<'_>,
        place: &Place<'_>,
    ) -> Result<Part, ModelError> {
        let (name, levels) = (place.name(), place.first().range);
        let tensor = |field: &str| format!("{name}.{field}");
        let (outputs, inputs) = (self.channels, self.taps);
        let act = place.reader();
        let antiperiodic = act.filter(|act| act.function.is_antiperiodic());

        let max = max_weight(self.weights);
        let within = Range { lo: -max, hi: max };
        let weights = reader.weights(name, self.weights, &[outputs, inputs], within)?;

        let promised = self.accumulator;
        let (least, most) = match (self.overflow, antiperiodic) {
            (Overflow::Wrap, _) => (promised, promised),
            (_, Some(act)) => (
                2.max(1 + act.phases.max(1).ilog2()),
                self.promise(levels, Some(act)),
            ),
            (_, None) => (2, promised),
        };
        let bits = |_| Range {
            lo: i64::from(least),
            hi: i64::from(most),
        };
        let widths: Vec<u8> = reader.integers(&tensor("widths"), &[outputs], bits)?;
        let widths: Vec<u32> = widths.into_iter().map(u32::from).collect();

        let proved = proved_ranges(&weights, levels);
        let constant_range = |j: usize| match (antiperiodic, self.overflow) {
            (None, _) if act.is_none() => Range { lo: 0, hi: 0 },
            (Some(_), Overflow::Wrap) => Range::unsigned(self.accumulator),
            (_, _) => {
                // a constant moves some accumulator into the width
                let (width, proved) = (Range::signed(widths[j]), proved[j]);
                Range {
                    lo: width.lo.saturating_sub(proved.hi),
                    hi: width.hi.saturating_sub(proved.lo),
                }
            }
        };
        let constants: Vec<i64> = reader.integers(&tensor("phases"), &[outputs], constant_range)?;
        if self.overflow == Overflow::Checked {
            let reached = proved.iter().zip(&constants);
            let reached = reached.map(|(range, &constant)| range.shifted_by(constant));
            let promised = widths.iter().copied();
            if let Some(error) = ModelError::breaks(name, reached.zip(promised)) {
                return Err(error);
            }
        }

        let input = reader.meanings(place)?.swap_remove(0);
        Ok(Part::Linear(
            Linear {
                constants,
                widths,
                scales: reader.reals(&tensor("scales"), outputs, "must be positive", is_scale)?,
                bias: reader.reals(&tensor("bias"), outputs, "must be finite", f64::is_finite)?,
                input,
                weights,
            }
            .into(),
        ))
    }

    /// The laws of its widths.
    pub(super) fn laws(&self) -> Result<(), Law> {
        weights(self.weights)?;
        law(
            (2..=MAX_ACCUMULATOR_BITS).contains(&self.accumulator),
            "accumulators have 2 to 32 bits",
        )
    }

    /// The keys of its `#[bits(..)]`.
    pub(super) fn keys(&self, before: Option<&Tensor>) -> Vec<String> {
        let mut keys = vec![format!("weights = {}", self.weights)];
        let worst = before.and_then(|before| self.worst_case(before.range));
        if worst != Some(self.accumulator) {
            keys.push(format!("accumulator = {}", self.accumulator));
        }
        if self.overflow != Overflow::Checked {
            keys.push(format!("overflow = {}", self.overflow));
        }
        keys
    }

    /// Its widths in its line of a listing.
    pub(super) fn show_widths(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            ", weights {} bits, accumulator {} bits {}",
            self.weights, self.accumulator, self.overflow
        )
    }
}

/// The sums of layer `index` by its weights, and the constants that are added to them.
pub(super) fn lower<'a>(
    builder: &mut Builder<'a>,
    index: usize,
    map: impl Fn(&'a Linear) -> Map<'a>,
) -> Result<usize, ModelError> {
    let (linear, operands) = (builder.linear(index)?, builder.operands(index));
    let constants = (&*linear.constants).into();
    Ok(builder.sums(index, operands, map(linear), constants))
}

/// The result of a layer with accumulators of this width.
pub(super) fn accumulators(shape: Vec<usize>, width: u32) -> Tensor {
    Tensor {
        shape,
        range: Range::signed(width),
        odd: false,
        kind: TensorKind::Accumulators,
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Overflow::Checked => "checked",
            Overflow::Calibrated => "calibrated",
            Overflow::Wrap => "wrap",
        })
    }
}
