//! Files of bounded size.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{MAX_BYTES, check_size};

/// Why a file is not read.
#[derive(Debug)]
pub enum ReadError {
    /// The operating system reports an error.
    Failed(io::Error),
    /// The file has this many bytes, more than the limit.
    TooLarge(u64),
}

/// The bytes of a file of at most [`MAX_BYTES`]; a file that declares a larger size is not read.
///
/// # Errors
/// [`ReadError`].
pub fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    let too_large = |size: u64| check_size(size).map_err(|_| ReadError::TooLarge(size));
    let file = File::open(path).map_err(ReadError::Failed)?;
    let size = file.metadata().map_err(ReadError::Failed)?.len();
    too_large(size)?;
    let mut bytes = Vec::with_capacity(size as usize);
    // a file that is not a regular one does not declare its size
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Failed)?;
    too_large(bytes.len() as u64)?;
    Ok(bytes)
}
