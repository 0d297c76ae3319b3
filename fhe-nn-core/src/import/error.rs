//! Why a model cannot be imported.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;

/// Why a model cannot be imported. Every error prints as one line, except [`ImportError::Unsupported`], which
/// lists everything that is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read, is too large, or has floats that are not finite.
    #[error(transparent)]
    Floats(#[from] Error),
    /// The bytes are not an ONNX model, or only a part of one.
    #[error("not a whole ONNX model: {0}")]
    NotOnnx(Box<dyn std::error::Error + Send + Sync>),
    /// The graph breaks the format.
    #[error("the graph is malformed: {0}")]
    Graph(String),
    /// The model is whole, but of a kind that is not supported.
    #[error("the model is not supported: {0}")]
    Model(String),
    /// What is wrong with a file.
    #[error("ONNX model `{}`: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ImportError>,
    },
    /// A tensor of constants is not what it declares.
    #[error("tensor `{tensor}` cannot be read: {reason}")]
    Tensor {
        /// The name of the tensor.
        tensor: String,
        /// What is wrong, with the numbers that do not fit.
        reason: String,
    },
    /// The values of a tensor are in another file, which does not have them.
    #[error("the values of tensor `{tensor}` cannot be read from `{file}`: {reason}")]
    External {
        /// The name of the tensor.
        tensor: String,
        /// The location that the tensor names, a path inside the model's folder.
        file: String,
        /// What is wrong, with the numbers that do not fit.
        reason: String,
    },
    /// The model has no output of the name that was asked for, or none at all.
    #[error("{}", no_output(.wanted.as_deref(), .known))]
    Output {
        /// The name that was asked for.
        wanted: Option<String>,
        /// The names of the model's outputs.
        known: Vec<String>,
    },
    /// An extent is known only when the model runs.
    #[error(
        "input `{input}` has the dynamic extent {axis} (`{name}`), but only the first, the batch, may be: export with fixed shapes"
    )]
    Dynamic {
        /// The name of the input.
        input: String,
        /// The axis of the extent.
        axis: usize,
        /// The name that the model gives to the extent.
        name: String,
    },
    /// The messages of the file would take too much memory.
    #[error("the model's messages take more than {limit} bytes of memory")]
    TooHeavy {
        /// The bytes that they may take.
        limit: u64,
    },
    /// The model has more values than an import holds in memory.
    #[error("the model needs more than {limit} values at once, at `{node}`")]
    TooLarge {
        /// The node at which the limit is exceeded.
        node: String,
        /// The number of values that may be held.
        limit: usize,
    },
    /// A proposed width that the language does not have.
    #[error("{what} have {least} to {most} bits, but {bits} were asked for")]
    Width {
        /// What the width is for.
        what: &'static str,
        /// The width.
        bits: u32,
        /// The least width.
        least: u32,
        /// The greatest width.
        most: u32,
    },
    /// Some nodes have no counterpart here. All of them are listed.
    #[error("{}", list(.0))]
    Unsupported(Vec<Unsupported>),
    /// The network would have no scores, or no layers.
    #[error("the model computes nothing: its output does not depend on its input")]
    Constant,
}

impl ImportError {
    /// The error for a single node, or for what is no node but has no counterpart either.
    pub(super) fn unsupported(node: &str, operator: &str, reason: String) -> Self {
        ImportError::Unsupported(vec![Unsupported {
            node: node.to_owned(),
            operator: operator.to_owned(),
            reason,
        }])
    }

    /// The error for a file. What is said of nodes, extents and widths is no fault of it.
    pub(super) fn of_file(self, path: &Path) -> Self {
        match self {
            ImportError::Floats(Error::Read { .. })
            | ImportError::File { .. }
            | ImportError::Dynamic { .. }
            | ImportError::Width { .. }
            | ImportError::Output { .. }
            | ImportError::Unsupported(_)
            | ImportError::Constant => self,
            ImportError::Floats(_)
            | ImportError::NotOnnx(_)
            | ImportError::Graph(_)
            | ImportError::Model(_)
            | ImportError::Tensor { .. }
            | ImportError::External { .. }
            | ImportError::TooHeavy { .. }
            | ImportError::TooLarge { .. } => ImportError::File {
                path: path.to_owned(),
                source: Box::new(self),
            },
        }
    }
}

/// A node that has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// The name of the node, or that of its first result.
    pub node: String,
    /// The operator of the node.
    pub operator: String,
    /// Why it cannot be imported.
    pub reason: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}): {}", self.node, self.operator, self.reason)
    }
}

fn no_output(wanted: Option<&str>, known: &[String]) -> String {
    match known {
        [] => "the model has no outputs".to_owned(),
        known => {
            let (wanted, names) = (wanted.unwrap_or_default(), quoted(known));
            format!("the model has no output `{wanted}`\n  = help: it has {names}")
        }
    }
}

/// Names in backticks, with commas between them.
pub(super) fn quoted<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names = names.into_iter();
    let names: Vec<String> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
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
    /// The node has no counterpart. The other nodes are still looked at.
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

/// Refuses a node, for a reason that is part of the error.
pub(super) fn refuse<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unsupported(reason.into()))
}
