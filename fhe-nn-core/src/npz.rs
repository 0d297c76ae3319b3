//! Reads npz files, which numpy writes: archives of npy files.

use std::io::{Cursor, Read};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::model::{MAX_BYTES, check_size};
use zip::ZipArchive;

use crate::Error;

/// Whether the bytes begin as an archive.
pub(crate) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Unpacks the npy files of an npz file, by the names of their arrays.
///
/// # Errors
/// [`Error::Malformed`] and [`ModelError::TooLarge`].
pub(crate) fn files(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
    check_size(bytes.len() as u64)?;
    let malformed = |reason: String| Error::Malformed {
        what: "npz file",
        reason,
    };
    let archive = ZipArchive::new(Cursor::new(bytes));
    let mut archive = archive.map_err(|error| malformed(error.to_string()))?;
    let mut left = MAX_BYTES;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive
            .by_index(index)
            .map_err(|error| malformed(error.to_string()))?;
        let name = file.name().map_err(|error| malformed(error.to_string()))?;
        let name = name.trim_end_matches(".npy").to_owned();
        let mut content = Vec::new();
        // the limit counts what is unpacked, whatever the archive declares
        let read = file.by_ref().take(left + 1).read_to_end(&mut content);
        read.map_err(|error| malformed(format!("`{name}`: {error}")))?;
        let size = content.len() as u64;
        left = left.checked_sub(size).ok_or(ModelError::TooLarge {
            bytes: size,
            limit: left,
        })?;
        files.push((name, content));
    }
    Ok(files)
}
