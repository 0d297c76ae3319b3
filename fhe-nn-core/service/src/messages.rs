//! Many messages, requests or replies, one after the other in one file.

use serde_json::json;

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::{Output, Secrecy};

/// Writes messages, which are called `what`, as one result.
///
/// # Errors
/// [`Failure::Exists`] and [`Failure::Write`].
pub(crate) fn write(output: &Output, what: &str, messages: &[Vec<u8>]) -> Result<Outcome, Failure> {
    let (count, bytes) = (messages.len(), messages.concat());
    output.write(&bytes, Secrecy::Public)?;
    let (written, bytes) = (output.path().display(), bytes.len());
    let text = format!("written: {written}, {count} {what}, {bytes} bytes");
    let json = json!({
        "written": written.to_string(),
        what: count,
        "bytes": bytes,
    });
    Ok(Outcome::new(text, json).with_piped(output.is_pipe()))
}
