//! Why a model cannot be imported.

use std::fmt;

use crate::Error;

/// Why a model cannot be imported. Each prints as one line but [`ImportError::Unsupported`], which lists all
/// that is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read, is too large, or has floats that are not finite.
    #[error(transparent)]
    Floats(#[from] Error),
    /// Bytes are no ONNX model, or a part of one.
    #[error("not a whole ONNX model: {0}")]
    NotOnnx(#[from] prost::DecodeError),
    /// The graph is not one that can run.
    #[error("the graph is malformed: {0}")]
    Graph(String),
    /// A tensor of constants is not what it declares to be.
    #[error("tensor `{tensor}` is malformed: {reason}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What is wrong, with both numbers.
        reason: String,
    },
    /// An extent is known only when the model runs.
    #[error(
        "input `{input}` has the dynamic extent {axis} (`{name}`), but only the first, the batch, may be: export with fixed shapes"
    )]
    Dynamic {
        /// Name of the input.
        input: String,
        /// Which extent.
        axis: usize,
        /// What the model calls it.
        name: String,
    },
    /// A file whose messages would take more memory than is given to them.
    #[error("the model's messages take more than {limit} bytes of memory")]
    TooHeavy {
        /// How much they may take.
        limit: u64,
    },
    /// More values than are held in memory.
    #[error("the model needs more than {limit} values at once, at `{node}`")]
    TooLarge {
        /// The node at which it does.
        node: String,
        /// How many are held.
        limit: usize,
    },
    /// A proposed width that the language does not have.
    #[error("{what} have {least} to {most} bits, but {bits} were asked for")]
    Width {
        /// Of what.
        what: &'static str,
        /// The width.
        bits: u32,
        /// Least width.
        least: u32,
        /// Greatest width.
        most: u32,
    },
    /// Operators that have no counterpart here, all of them.
    #[error("{}", list(.0))]
    Unsupported(Vec<Unsupported>),
    /// The network would have no score or no layer.
    #[error("the model computes nothing: its output does not depend on its input")]
    Constant,
}

/// A node that has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Its name, or that of its first result.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}): {}", self.node, self.operator, self.reason)
    }
}

fn list(unsupported: &[Unsupported]) -> String {
    let nodes = match unsupported.len() {
        1 => "1 node is".to_owned(),
        count => format!("{count} nodes are"),
    };
    let mut text = format!("{nodes} not supported");
    for each in unsupported {
        text.push_str(&format!("\n  {each}"));
    }
    text
}

/// Why a node cannot be imported.
pub(super) enum Refusal {
    /// The others are looked at all the same.
    Unsupported(String),
    /// The model is broken.
    Broken(ImportError),
}

impl From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        Refusal::Broken(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Broken(error.into())
    }
}

/// A node that has no counterpart, for this reason.
pub(super) fn refuse<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unsupported(reason.into()))
}
