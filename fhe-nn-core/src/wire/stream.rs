//! Messages of known length that follow each other in a file or on a connection.

use std::io::Read;

use super::Kind;
use crate::Error;

/// Reads the next message of a stream, of exactly `length` bytes. The result is `None` if the stream ends
/// before its first byte. Memory grows with what arrives, whatever the length.
///
/// # Errors
/// [`Error::Malformed`] if the stream ends within the message, and [`Error::Stream`].
pub(super) fn next(
    kind: Kind,
    from: &mut impl Read,
    length: usize,
) -> Result<Option<Vec<u8>>, Error> {
    let mut message = Vec::new();
    let read = from.take(length as u64).read_to_end(&mut message);
    match read {
        Ok(0) => Ok(None),
        Ok(count) if count == length => Ok(Some(message)),
        Ok(count) => Err(kind.malformed(format!("{count} bytes, the plan says {length}"))),
        Err(source) => {
            let what = kind.name();
            Err(Error::Stream { what, source })
        }
    }
}
