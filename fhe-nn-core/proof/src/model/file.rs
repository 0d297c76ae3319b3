//! Files of bounded size.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why a file is not read.
#[derive(Debug)]
pub enum ReadError {
    /// The operating system reports an error.
    Failed(io::Error),
    /// The file has this many bytes, more than the limit.
    TooLarge(u64),
}

/// The bytes of a file of at most `limit` bytes; a file that declares a larger size is not read. The buffer has
/// that size from the start, so that it leaves no copies of a secret behind by growing.
///
/// # Errors
/// [`ReadError`].
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let bounded = |size: u64| {
        if size > limit {
            return Err(ReadError::TooLarge(size));
        }
        Ok(())
    };
    let file = File::open(path).map_err(ReadError::Failed)?;
    let size = file.metadata().map_err(ReadError::Failed)?.len();
    bounded(size)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // a file that is not a regular one does not declare its size
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Failed)?;
    bounded(bytes.len() as u64)?;
    Ok(bytes)
}
