//! What a declaration says, as data: the constant `SPEC` that `#[fhe_network]` generates.
//!
//! A [`Spec`] is made of numbers and names only. It is built at compile time from borrowed
//! parts, and read back from a model file into owned ones.

mod function;
mod show;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use function::Function;

use crate::widths::{Range, accumulator_bits};

/// A declared network: its input and its layers in execution order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Name of the declared struct.
    pub name: Cow<'static, str>,
    /// Shape and width of one input.
    pub input: Input,
    /// Layers in the order in which they run.
    pub layers: Cow<'static, [Layer]>,
}

/// Shape and width of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Extents, slowest first (row-major).
    pub shape: Cow<'static, [usize]>,
    /// Inputs are unsigned integers of this many bits, 1 to 16.
    pub bits: u32,
}

/// One field of the declared struct.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the field.
    pub name: Cow<'static, str>,
    /// What the layer computes.
    pub op: Op,
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// A fully connected layer, `Dense<inputs, outputs>`.
    Dense(DenseSpec),
    /// A lookup table on every value.
    Activation(ActivationSpec),
}

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

/// A lookup table on every value of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationSpec {
    /// The function in the table.
    pub function: Function,
    /// Width of a result, see [`Function::range`].
    pub output: u32,
    /// How many top bits of the accumulator the table reads; `None` for all of them.
    pub table: Option<u32>,
    /// How the bits that the table does not read are dropped.
    pub rounding: Rounding,
    /// Values per neuron from one bootstrap.
    pub phases: u32,
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

/// How the bits of an accumulator that its table does not read are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rounding {
    /// Floor, in the clear as encrypted.
    Exact,
    /// Encrypted results may be off by one step near a boundary.
    Approximate,
}

impl Spec {
    /// The network with nothing in it, which stands in for one that did not compile.
    pub const EMPTY: Spec = Spec {
        name: Cow::Borrowed(""),
        input: Input {
            shape: Cow::Borrowed(&[]),
            bits: 1,
        },
        layers: Cow::Borrowed(&[]),
    };

    /// A network from compile-time parts.
    pub const fn new(name: &'static str, input: Input, layers: &'static [Layer]) -> Self {
        Spec {
            name: Cow::Borrowed(name),
            input,
            layers: Cow::Borrowed(layers),
        }
    }

    /// The range of the values that enter layer `index`.
    pub fn range_into(&self, index: usize) -> Range {
        self.layers[..index]
            .iter()
            .rev()
            .find_map(|layer| match &layer.op {
                Op::Activation(act) => Some(act.function.range(act.output)),
                Op::Dense(_) => None,
            })
            .unwrap_or(Range::unsigned(self.input.bits))
    }

    /// The activation that reads the accumulators of layer `index`; `None` for the last layer,
    /// whose accumulators are decrypted.
    pub fn reader(&self, index: usize) -> Option<&ActivationSpec> {
        self.layers
            .get(index + 1)
            .and_then(|layer| match &layer.op {
                Op::Activation(act) => Some(act),
                Op::Dense(_) => None,
            })
    }

    /// Number of values of one input.
    pub fn input_len(&self) -> usize {
        self.input.shape.iter().product()
    }

    /// Number of scores; 0 for a network without layers.
    pub fn output_len(&self) -> usize {
        self.layers
            .iter()
            .rev()
            .find_map(|layer| match &layer.op {
                Op::Dense(dense) => Some(dense.outputs),
                Op::Activation(_) => None,
            })
            .unwrap_or(0)
    }
}

impl Input {
    /// Extents (slowest first) and width of one input.
    pub const fn new(shape: &'static [usize], bits: u32) -> Self {
        Input {
            shape: Cow::Borrowed(shape),
            bits,
        }
    }
}

impl Layer {
    /// A fully connected layer from compile-time parts.
    pub const fn dense(name: &'static str, dense: DenseSpec) -> Self {
        Layer {
            name: Cow::Borrowed(name),
            op: Op::Dense(dense),
        }
    }

    /// An activation from compile-time parts.
    pub const fn activation(name: &'static str, activation: ActivationSpec) -> Self {
        Layer {
            name: Cow::Borrowed(name),
            op: Op::Activation(activation),
        }
    }
}

impl ActivationSpec {
    /// How many bits of an accumulator of `width` bits the table reads.
    pub fn table_bits(&self, width: u32) -> u32 {
        self.table.map_or(width, |table| table.min(width))
    }
}

impl DenseSpec {
    /// Width of the accumulator in the worst case of the widths; `None` beyond 63 bits.
    pub fn worst_case(&self, input: Range) -> Option<u32> {
        accumulator_bits(self.inputs, input, self.weights)
    }

    /// The widest accumulator that a neuron may have. A written `accumulator` is the promise. Where
    /// none was written, the worst case of the sum is; `Sign` adds a threshold to that sum, which
    /// takes a bit more if it lies near an end of the range.
    pub fn promise(&self, input: Range, reader: Option<&ActivationSpec>) -> u32 {
        let sign = reader.is_some_and(|act| act.function == Function::Sign);
        let written = self
            .worst_case(input)
            .is_none_or(|worst| self.accumulator < worst);
        self.accumulator + u32::from(sign && !written && self.overflow != Overflow::Wrap)
    }
}
