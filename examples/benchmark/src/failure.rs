//! Why a program of the benchmark stops.

use std::io;
use std::path::{Path, PathBuf};

/// Why a program of the benchmark stops.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The argument is not the size of an instance.
    #[error("the argument is `{argument}`, but must be the size of the instance: 0, 1, 2 or 3")]
    Size {
        /// The argument.
        argument: String,
    },
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of pixels or scores is not one.
    #[error("`{}`, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// There are not as many images, requests or replies as there should be.
    #[error("there are {actual} {what}, but {expected} are expected")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The library says why.
    #[error(transparent)]
    Core(#[from] fhe_nn_core::Error),
}

impl Failure {
    /// Adds the file to an error of the system.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        |source| Failure::File { path, source }
    }
}
