//! The errors of a file, each in one line that names it.

use std::io;
use std::path::PathBuf;

use super::{MAX_ITEMS, SIDE};

/// The reason why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file does not exist.
    #[error(
        "no file `{}`; the MNIST database's four .gz files are to be had, e.g., from the Hugging Face dataset ylecun/mnist or yann.lecun.com/exdb/mnist",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read, or is not a gzip stream.
    #[error("cannot read `{}`: {cause}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The error of the system or of the decompressor.
        cause: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write `{}`: {cause}", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// The file is of another format.
    #[error("`{}` needs magic number {needed:#010x}, but starts with {found:#010x}", .file.display())]
    Magic {
        /// The file.
        file: PathBuf,
        /// The magic number with which it starts.
        found: u32,
        /// The magic number with which it should start.
        needed: u32,
    },
    /// The header declares no items.
    #[error("`{}` declares 0 items, but there is nothing to do without one", .0.display())]
    Empty(PathBuf),
    /// The header declares more items than are read.
    #[error("`{}` declares {declared} items, but at most {MAX_ITEMS} are read", .file.display())]
    TooMany {
        /// The file.
        file: PathBuf,
        /// The number of items that it declares.
        declared: u32,
    },
    /// The images are not of MNIST's size.
    #[error("`{}` needs images of {SIDE} x {SIDE}, but declares {rows} x {columns}", .file.display())]
    Side {
        /// The file.
        file: PathBuf,
        /// Declared rows.
        rows: u32,
        /// Declared columns.
        columns: u32,
    },
    /// The file ends early.
    #[error("`{}` declares {declared} bytes of data, but holds {found}", .file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Number of bytes that the header promises.
        declared: usize,
        /// Number of bytes found.
        found: usize,
    },
    /// The file goes on after its data.
    #[error("`{}` declares {declared} bytes of data, but holds more", .file.display())]
    Trailing {
        /// The file.
        file: PathBuf,
        /// Number of bytes that the header promises.
        declared: usize,
    },
    /// The numbers of images and labels differ.
    #[error("`{}` holds {labels} labels, but there are {images} images", .file.display())]
    Count {
        /// The file of the labels.
        file: PathBuf,
        /// Number of labels.
        labels: usize,
        /// Number of images.
        images: usize,
    },
    /// A label is not a digit.
    #[error("`{}` needs labels of 0 to 9, but label {index} is {label}", .file.display())]
    Label {
        /// The file.
        file: PathBuf,
        /// Index of the label.
        index: usize,
        /// Its value.
        label: u8,
    },
}
