//! Files of bounded size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use fhe_nn_proof::model::{MAX_BYTES, check_size};

use crate::Error;

/// The bytes of a file of at most [`MAX_BYTES`].
///
/// # Errors
/// [`Error::Read`] and [`crate::ModelError::TooLarge`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    check_size(size)?;
    let mut bytes = Vec::with_capacity(size as usize);
    // what is no regular file declares no size
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    check_size(bytes.len() as u64)?;
    Ok(bytes)
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
