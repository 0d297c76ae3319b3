//! Convolutions.

use core::{fmt, slice};
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::linear::{LinearSpec, Overflow, accumulators, lower};
use super::window_type::conv_type;
use super::{LayerSpec, expect};
use crate::error::ModelError;
use crate::graph::builder::Builder;
use crate::graph::map::Map;
use crate::model::reader::{ModelReader, Place};
use crate::part::Part;
use crate::spec::flow_error::FlowError;
use crate::spec::law::Law;
use crate::spec::tensor::Tensor;
use crate::spec::window::Window;

/// A convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvSpec {
    /// Its windows; of height 1 for a `Conv1d`.
    pub window: Window,
    /// Whether it moves over `[channels, length]` instead of `[channels, height, width]`.
    pub flat: bool,
    /// Width of a weight: integers of absolute value at most `2^(weights - 1) - 1`.
    pub weights: u32,
    /// Width that the accumulator is held to; the worst case of the widths if none was written.
    pub accumulator: u32,
    /// What holds the accumulator to its width.
    pub overflow: Overflow,
}

impl ConvSpec {
    pub(super) const fn linear(&self) -> LinearSpec {
        LinearSpec {
            channels: self.window.outputs,
            taps: self.window.taps(),
            positions: self.window.positions(),
            window: Some(self.window),
            flat: self.flat,
            weights: self.weights,
            accumulator: self.accumulator,
            overflow: self.overflow,
        }
    }
}

impl LayerSpec for ConvSpec {
    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        self.window.check().map_err(FlowError::Window)?;
        expect(&self.window.input_shape(self.flat), &operands[0].shape)
    }

    fn check_widths(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        self.linear().check_widths(operands[0].range)
    }

    fn facts(&self, _operands: &[&Tensor]) -> Tensor {
        accumulators(self.window.output_shape(self.flat), self.accumulator)
    }

    fn type_name(&self) -> String {
        conv_type(&self.window, self.flat)
    }

    fn keys(&self, before: Option<&Tensor>, _functions: &mut slice::Iter<'_, &str>) -> Vec<String> {
        self.linear().keys(before)
    }

    fn laws(&self) -> Result<(), Law> {
        self.window.laws(self.flat)?;
        self.linear().laws()
    }

    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError> {
        self.linear().read(reader, place)
    }

    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError> {
        lower(builder, index, |linear| Map::Windows {
            window: self.window,
            kernel: Cow::Borrowed(&linear.weights),
            padding: linear.input.zero_points().collect(),
        })
    }

    fn all_terms(&self, _operands: &[&Tensor]) -> u64 {
        // the values that each tap of a kernel sees, which all kernels of a group share
        let window = &self.window;
        let seen = [window.groups, window.taps(), window.positions()];
        let seen = seen.map(|count| count as u64);
        seen.into_iter().fold(1, u64::saturating_mul)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.flat { "Conv1d" } else { "Conv2d" };
        write!(f, "{name} {}", self.window)?;
        self.linear().show_widths(f)
    }
}
