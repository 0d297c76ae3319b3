//! What the layers with weights and accumulators have in common.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::activation::ActivationSpec;
use crate::spec::function::Function;
use crate::spec::tensor::{Tensor, TensorKind};
use crate::spec::window::Window;
use crate::widths::{MAX_ACCUMULATOR_BITS, Range, accumulator_bits};

/// What all layers with weights and accumulators have in common.
///
/// Each of `channels` sets of weights makes one neuron at each of `positions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearSpec {
    /// Sets of weights.
    pub channels: usize,
    /// Weights of a set: the fan-in.
    pub taps: usize,
    /// Neurons of each set.
    pub positions: usize,
    /// The windows of a convolution.
    pub window: Option<Window>,
    /// Whether these move along one axis.
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
    /// Proved: no input leaves the width.
    Checked,
    /// Seen in calibration; outside the width the table continues antiperiodically.
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

    /// The widest accumulator that a neuron may have. A written `accumulator` is the promise; where none
    /// was written, the promise is the worst case of the sum. `Sign` adds a threshold to that sum, which
    /// takes a bit more if it lies near an end of the range.
    pub fn promise(&self, input: Range, reader: Option<&ActivationSpec>) -> u32 {
        let sign = reader.is_some_and(|act| act.function == Function::Sign);
        let written = self
            .worst_case(input)
            .is_none_or(|worst| self.accumulator < worst);
        self.accumulator + u32::from(sign && !written && self.overflow != Overflow::Wrap)
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

    /// Its widths in the line of a listing.
    pub(super) fn show_widths(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            ", weights {} bits, accumulator {} bits {}",
            self.weights, self.accumulator, self.overflow
        )
    }
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

/// Whether weights and accumulators are within the limits of their keys.
pub(super) fn has_possible_widths(weights: u32, accumulator: u32) -> bool {
    (2..=16).contains(&weights) && (2..=MAX_ACCUMULATOR_BITS).contains(&accumulator)
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
