//! Files of bounded size.

use std::path::Path;

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::model::{MAX_BYTES, ReadError, read_file};

use crate::Error;

/// Reads a file of at most [`MAX_BYTES`].
///
/// # Errors
/// [`Error::Read`] and [`crate::error::ModelError::TooLarge`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    read_file(path).map_err(|unread| match unread {
        ReadError::Failed(source) => Error::Read {
            path: path.to_owned(),
            source,
        },
        ReadError::TooLarge(bytes) => Error::Model(ModelError::TooLarge {
            bytes,
            limit: MAX_BYTES,
        }),
    })
}

/// Writes a file.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}
