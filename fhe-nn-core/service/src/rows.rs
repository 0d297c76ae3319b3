//! The rows of inputs that a subcommand reads.

use std::path::{Path, PathBuf};

use clap::Args;
use fhe_nn_core::{Model, rows};
use ndarray::{Array2, Axis, Slice};

use crate::bytes;
use crate::failure::{Failure, Of};

/// A file of rows.
#[derive(Debug, Args)]
pub(crate) struct Rows {
    /// The rows: an npz or npy file of numpy, or CSV; `-` is standard input.
    #[arg(long, visible_alias = "rows", value_name = "FILE")]
    inputs: PathBuf,
    /// The array of an npz file [default: the only one, or `input`].
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
    /// Take the first N rows only.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    first: Option<u32>,
}

impl Rows {
    /// The most rows that are read.
    pub(crate) fn most(&self) -> usize {
        self.first.map_or(usize::MAX, |first| first as usize)
    }

    /// Reads the rows, `[rows, values of one row]`.
    ///
    /// # Errors
    /// [`Failure::Read`], [`Failure::TooLarge`], [`Failure::Call`] for a file without rows, and those of [`rows::from_bytes`].
    pub(crate) fn read(&self) -> Result<Array2<f32>, Failure> {
        read(&self.inputs, self.array.as_deref(), self.first)
    }
}

/// Reads the rows of a file, or the first ones of them only.
///
/// # Errors
/// Those of [`Rows::read`].
pub(crate) fn read(
    path: &Path,
    array: Option<&str>,
    first: Option<u32>,
) -> Result<Array2<f32>, Failure> {
    let bytes = bytes::read(path, Model::MAX_BYTES)?;
    let mut rows = rows::from_bytes(&bytes, array).of(path)?;
    if rows.nrows() == 0 {
        let path = path.display();
        let reason = format!("`{path}` has 0 rows, but at least 1 is needed");
        return Err(Failure::Call(reason));
    }
    if let Some(first) = first {
        rows.slice_axis_inplace(Axis(0), Slice::from(..rows.nrows().min(first as usize)));
    }
    Ok(rows)
}
