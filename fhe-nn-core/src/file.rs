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
    read_file(path, MAX_BYTES).map_err(|unread| match unread {
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

/// Reads a file of at most [`MAX_BYTES`] that should be `what`.
///
/// # Errors
/// [`Error::Read`], and [`Error::File`] with what is wrong with its content or size.
pub(crate) fn read_as<T>(
    what: &'static str,
    path: &Path,
    content: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    let named = |source: Error| match source {
        Error::Read { .. } => source,
        source => Error::File {
            what,
            path: path.to_owned(),
            source: Box::new(source),
        },
    };
    let bytes = read(path).map_err(named)?;
    content(&bytes).map_err(named)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`Error::Read`], also if the file is larger.
#[cfg(any(feature = "client", feature = "engine"))]
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    use std::io::{Error as IoError, ErrorKind};

    read_file(path, limit).map_err(|unread| Error::Read {
        path: path.to_owned(),
        source: match unread {
            ReadError::Failed(source) => source,
            ReadError::TooLarge(_) => {
                let reason = format!("it has more than {limit} bytes");
                IoError::new(ErrorKind::FileTooLarge, reason)
            }
        },
    })
}

/// Writes a new file that its owner alone may read (on Unix).
///
/// # Errors
/// [`Error::Write`], also if there is such a file already.
#[cfg(feature = "client")]
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::io::Write;

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let mut file = options.open(path).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // half a key is of no use, and would stand in the way of the next attempt; the first error is told
        let _ = std::fs::remove_file(path);
    }
    written.map_err(failed)
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
