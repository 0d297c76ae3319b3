//! Fully connected layers.

use core::{fmt, slice};

use serde::{Deserialize, Serialize};

use super::linear::{LinearSpec, Overflow, accumulators, lower};
use super::{LayerSpec, expect};
use crate::error::ModelError;
use crate::graph::builder::Builder;
use crate::graph::map::Map;
use crate::model::reader::{ModelReader, Place};
use crate::part::Part;
use crate::spec::flow_error::FlowError;
use crate::spec::law::{Law, law, small};
use crate::spec::tensor::Tensor;

/// A fully connected layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenseSpec {
    /// Number of input values, the fan-in of every neuron.
    pub inputs: usize,
    /// Number of neurons.
    pub outputs: usize,
    /// Width of a weight: integers of absolute value at most `2^(weights - 1) - 1`.
    pub weights: u32,
    /// Width that the accumulator is held to; the worst case of the widths if none was written.
    pub accumulator: u32,
    /// What holds the accumulator to its width.
    pub overflow: Overflow,
}

impl DenseSpec {
    pub(super) const fn linear(&self) -> LinearSpec {
        LinearSpec {
            channels: self.outputs,
            taps: self.inputs,
            positions: 1,
            window: None,
            flat: false,
            weights: self.weights,
            accumulator: self.accumulator,
            overflow: self.overflow,
        }
    }
}

impl LayerSpec for DenseSpec {
    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        // it flattens what it reads
        if self.inputs == operands[0].len() {
            return Ok(());
        }
        expect(&[self.inputs], &operands[0].shape)
    }

    fn check_widths(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        self.linear().check_widths(operands[0].range)
    }

    fn facts(&self, _operands: &[&Tensor]) -> Tensor {
        accumulators(vec![self.outputs], self.accumulator)
    }

    fn type_name(&self) -> String {
        format!("Dense<{}, {}>", self.inputs, self.outputs)
    }

    fn keys(&self, before: Option<&Tensor>, _functions: &mut slice::Iter<'_, &str>) -> Vec<String> {
        self.linear().keys(before)
    }

    fn laws(&self) -> Result<(), Law> {
        law(
            small([self.inputs]) && small([self.outputs]),
            "it has at most 2^24 inputs and outputs",
        )?;
        self.linear().laws()
    }

    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError> {
        self.linear().read(reader, place)
    }

    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError> {
        lower(builder, index, |linear| Map::Dense(&linear.weights))
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dense {} -> {}", self.inputs, self.outputs)?;
        self.linear().show_widths(f)
    }
}
