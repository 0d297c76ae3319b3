//! What one layer of a declaration says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Encoding, Function, Window};
use crate::widths::{Range, accumulator_bits};

/// One field of the declared struct.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the field.
    pub name: Cow<'static, str>,
    /// What the layer reads, if it is not the one before: 0 is the input, `i + 1` the result of layer i.
    #[serde(default, skip_serializing_if = "<[usize]>::is_empty")]
    pub sources: Cow<'static, [usize]>,
    /// What the layer computes.
    pub op: Op,
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// A fully connected layer, `Dense<inputs, outputs>`.
    Dense(DenseSpec),
    /// A convolution, `Conv2d<..>` or `Conv1d<..>`.
    Conv(ConvSpec),
    /// A vector for every token, `Embedding<vocabulary, dimension>`.
    Embedding(EmbeddingSpec),
    /// A lookup table on every value.
    Activation(ActivationSpec),
    /// Averages or greatest values of windows.
    Pool(PoolSpec),
    /// The sum of two tensors and more, value by value.
    Add,
    /// The product of two tensors, value by value.
    Mul,
    /// Tensors one behind the other, along their channels.
    Concat,
    /// The same values in a row.
    Flatten,
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

/// A convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvSpec {
    /// Its windows; of height 1 for a `Conv1d`.
    pub window: Window,
    /// Whether it goes over `[channels, length]`, not over `[channels, height, width]`.
    pub flat: bool,
    /// Width of a weight: integers of absolute value at most `2^(weights - 1) - 1`.
    pub weights: u32,
    /// Width that the accumulator is held to; the worst case of the widths if none was written.
    pub accumulator: u32,
    /// What holds the accumulator to its width.
    pub overflow: Overflow,
}

/// Vectors for the tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingSpec {
    /// Tokens are `0..vocabulary`.
    pub vocabulary: usize,
    /// Values for each token.
    pub dimension: usize,
    /// Tokens of a text.
    pub positions: usize,
    /// How they are encrypted.
    pub encoding: Encoding,
    /// Width of a value: integers of absolute value at most `2^(weights - 1) - 1`.
    pub weights: u32,
}

/// Averages or greatest values of windows, channel by channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// The windows, one group a channel.
    pub window: Window,
    /// Whether it goes over `[channels, length]`, not over `[channels, height, width]`.
    pub flat: bool,
    /// What becomes of a window.
    pub kind: Pool,
}

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pool {
    /// The sum of its integers, which stands for the average of their reals; padding counts as 0.
    Average,
    /// The greatest; padding does not count.
    Max,
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
    /// Where a convolution looks.
    pub window: Option<Window>,
    /// Whether it looks along one axis.
    pub flat: bool,
    /// Width of a weight.
    pub weights: u32,
    /// Width that the accumulator is held to.
    pub accumulator: u32,
    /// What holds the accumulator to its width.
    pub overflow: Overflow,
}

impl Layer {
    /// A layer from compile-time parts, which reads the one before.
    pub const fn new(name: &'static str, op: Op) -> Self {
        Layer {
            name: Cow::Borrowed(name),
            sources: Cow::Borrowed(&[]),
            op,
        }
    }

    /// A layer from compile-time parts, which reads these tensors: 0 is the input, `i + 1` the result of
    /// layer i.
    pub const fn reading(name: &'static str, sources: &'static [usize], op: Op) -> Self {
        Layer {
            name: Cow::Borrowed(name),
            sources: Cow::Borrowed(sources),
            op,
        }
    }
}

impl Op {
    /// What it has in common with other layers that have weights and accumulators; `None` if it has none.
    pub const fn linear(&self) -> Option<LinearSpec> {
        match self {
            Op::Dense(dense) => Some(LinearSpec {
                channels: dense.outputs,
                taps: dense.inputs,
                positions: 1,
                window: None,
                flat: false,
                weights: dense.weights,
                accumulator: dense.accumulator,
                overflow: dense.overflow,
            }),
            Op::Conv(conv) => Some(LinearSpec {
                channels: conv.window.outputs,
                taps: conv.window.taps(),
                positions: conv.window.positions(),
                window: Some(conv.window),
                flat: conv.flat,
                weights: conv.weights,
                accumulator: conv.accumulator,
                overflow: conv.overflow,
            }),
            Op::Embedding(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Flatten => None,
        }
    }
}

impl ActivationSpec {
    /// How many bits of an accumulator of `width` bits the table reads.
    pub fn table_bits(&self, width: u32) -> u32 {
        self.table.map_or(width, |table| table.min(width))
    }
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
