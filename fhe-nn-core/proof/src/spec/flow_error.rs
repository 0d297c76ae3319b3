//! Why a declaration does not fit together.

use super::{Scales, TensorKind, WindowError};
use crate::widths::{
    MAX_ACCUMULATOR_BITS, MAX_REACH_BITS, MAX_TABLE_BITS, MAX_TERMS, MAX_VALUES, Range,
};

/// Why a layer cannot read what comes to it. The macro reports such mistakes where they were written; this
/// error is for declarations that come from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// A layer reads itself or one after it.
    #[error("reads tensor {tensor}, but only {tensors} are there yet")]
    Order {
        /// Index of the tensor that it reads.
        tensor: usize,
        /// Number of tensors that there are so far.
        tensors: usize,
    },
    /// A layer reads more tensors than it takes, or fewer.
    #[error("reads {reads}, but takes {takes}")]
    Arity {
        /// Number of tensors that it takes.
        takes: &'static str,
        /// Number of tensors that it reads.
        reads: usize,
    },
    /// A layer reads a tensor of another shape than it takes.
    #[error("takes {expected:?}, but gets {actual:?}")]
    Shape {
        /// What the layer takes.
        expected: Vec<usize>,
        /// What the layer gets.
        actual: Vec<usize>,
    },
    /// A layer reads a tensor of another kind than it takes.
    #[error("takes {takes}, but gets {gets}")]
    Kind {
        /// What the layer takes.
        takes: &'static str,
        /// What the layer gets.
        gets: TensorKind,
    },
    /// A layer reads inputs that have several scales, and cannot put them into weights.
    #[error("reads inputs of scales {scales}, but {takes}")]
    Scales {
        /// The scales that are declared.
        scales: Scales,
        /// What can be read.
        takes: &'static str,
    },
    /// A result has the wrong number of readers: accumulators have exactly one, other results have at least
    /// one, and the last result is the scores.
    #[error("has {0} readers, but {1}")]
    Readers(usize, &'static str),
    /// A layer has impossible windows.
    #[error("has windows that cannot be: {0}")]
    Window(WindowError),
    /// A tensor has an extent of 0, or more values than a tensor may have.
    #[error("has {0} values, but 1 to {MAX_VALUES} are allowed")]
    Values(usize),
    /// Sums of values are wider than the language allows.
    #[error(
        "has sums of {} bits, but at most {MAX_ACCUMULATOR_BITS} are allowed",
        .0.signed_bits()
    )]
    Sums(Range),
    /// The tables inside a layer would read more bits than a table may.
    #[error(
        "{verb} values whose {what} need {} bits, but a table reads at most {MAX_TABLE_BITS}",
        range.signed_bits()
    )]
    Between {
        /// What the layer does with the values.
        verb: &'static str,
        /// What the tables read.
        what: &'static str,
        /// The range of what they read.
        range: Range,
    },
    /// The sums of a layer with weights may not fit 64 bits, whatever width they are held to.
    #[error(
        "adds up {taps} products of up to {input} x {weight}, but its sums may reach at most {MAX_REACH_BITS} bits"
    )]
    Reach {
        /// Number of weights of a neuron.
        taps: usize,
        /// Greatest absolute value of an input.
        input: u64,
        /// Greatest absolute value of a weight.
        weight: i64,
    },
    /// The sums of a network have too many terms to be computed in bounded memory.
    #[error("brings the terms of all sums to {0}, but at most {MAX_TERMS} are allowed")]
    Terms(u64),
}
