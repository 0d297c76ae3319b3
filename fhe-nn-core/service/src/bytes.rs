//! What a subcommand reads: files, and standard input for `-`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use crate::failure::Failure;

/// Whether an input of this call is standard input already.
static STANDARD_INPUT_IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Opens a file, or standard input for `-`, which one input of a call alone can be.
///
/// # Errors
/// [`Failure::Read`], and [`Failure::Call`] for a second `-`.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if is_pipe(path) {
        if STANDARD_INPUT_IS_TAKEN.swap(true, Ordering::Relaxed) {
            let reason = "2 inputs are `-`, but standard input can be 1 of them only\n  \
                          = help: give the others as files";
            return Err(Failure::Call(reason.to_owned()));
        }
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(source) => Err(unread(path, source)),
    }
}

/// Reads a file, or standard input for `-`, of at most this many bytes.
///
/// # Errors
/// Those of [`open`], [`Failure::Read`] and [`Failure::TooLarge`].
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|source| unread(path, source))?;
    if bytes.len() as u64 > limit {
        let path = path.to_owned();
        return Err(Failure::TooLarge { path, limit });
    }
    Ok(bytes)
}

/// Reads a secret of at most this many bytes. It is wiped on drop, and no copy of it is left behind, because the
/// buffer never grows.
///
/// # Errors
/// Those of [`open`], [`Failure::Read`], also if the file grows meanwhile, and [`Failure::TooLarge`].
pub(crate) fn read_secret(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let length = match fs::metadata(path) {
        Ok(found) if !is_pipe(path) && found.is_file() => found.len().min(limit),
        // the length of a pipe is not known
        Ok(_) | Err(_) => limit,
    };
    // one byte more than there should be, so that a longer secret is seen
    let mut bytes = Zeroizing::new(vec![0; length as usize + 1]);
    let mut from = open(path)?;
    let mut filled = 0;
    while filled < bytes.len() {
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(unread(path, source)),
        }
    }
    if filled as u64 > length && length < limit {
        let reason = format!("it grew from {length} bytes while it was read");
        return Err(unread(path, io::Error::other(reason)));
    }
    if filled as u64 > limit {
        let path = path.to_owned();
        return Err(Failure::TooLarge { path, limit });
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Whether a path stands for standard input or output.
pub(crate) fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == OsStr::new("-")
}

fn unread(path: &Path, source: io::Error) -> Failure {
    let path = path.to_owned();
    Failure::Read { path, source }
}
