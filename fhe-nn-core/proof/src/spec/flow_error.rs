//! Why a declaration does not fit together.

use super::{TensorKind, WindowError};
use crate::widths::MAX_VALUES;

/// Why a layer cannot read what comes to it. The macro says it at the place where it was written; this is
/// for declarations that come from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// A layer reads itself or one after it.
    #[error("reads tensor {tensor}, but only {tensors} are there yet")]
    Order {
        /// Which it reads.
        tensor: usize,
        /// How many there are.
        tensors: usize,
    },
    /// A layer reads more tensors than it takes, or fewer.
    #[error("reads {reads}, but takes {takes}")]
    Arity {
        /// How many it takes.
        takes: &'static str,
        /// How many it reads.
        reads: usize,
    },
    /// What comes in has another shape.
    #[error("takes {expected:?}, but gets {actual:?}")]
    Shape {
        /// What it takes.
        expected: Vec<usize>,
        /// What comes in.
        actual: Vec<usize>,
    },
    /// What comes in is of another kind.
    #[error("takes {takes}, but gets {gets}")]
    Kind {
        /// What it takes.
        takes: &'static str,
        /// What comes in.
        gets: TensorKind,
    },
    /// A result that is of no use: accumulators have exactly one reader, all others at least one, the last
    /// is the scores.
    #[error("has {0} readers, but {1}")]
    Readers(usize, &'static str),
    /// There are no such windows.
    #[error("has windows that cannot be: {0}")]
    Window(WindowError),
    /// Extents of 0, or more values than a tensor may have.
    #[error("has {0} values, but 1 to {MAX_VALUES} are allowed")]
    Values(usize),
}
