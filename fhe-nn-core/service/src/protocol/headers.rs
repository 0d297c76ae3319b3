//! Names and values of headers.

use std::time::Duration;

/// SHA-256 of the evaluation key, as 64 hexadecimal digits, on which an inference runs.
pub const KEY: &str = "fhe-nn-key";
/// A receipt, as one line of JSON.
pub const RECEIPT: &str = "fhe-nn-receipt";
/// How long the caller waits for the replies (RFC 7240), as in `wait=10`.
pub const PREFER: &str = "prefer";
/// The wait that the server grants (RFC 7240).
pub const PREFERENCE_APPLIED: &str = "preference-applied";

/// What the bodies of calls and answers are.
pub mod content {
    /// A description.
    pub const DESCRIPTION: &str = "application/vnd.fhe-nn.description";
    /// An evaluation key.
    pub const EVALUATION_KEY: &str = "application/vnd.fhe-nn.evaluation-key";
    /// Requests, one after the other.
    pub const REQUESTS: &str = "application/vnd.fhe-nn.requests";
    /// Replies, one after the other.
    pub const REPLIES: &str = "application/vnd.fhe-nn.replies";
    /// A problem (RFC 9457).
    pub const PROBLEM: &str = "application/problem+json";
    /// Everything else.
    pub const JSON: &str = "application/json";
}

/// Returns the value of [`PREFER`] for a caller who waits so long, in whole seconds.
pub fn wait(time: Duration) -> String {
    format!("wait={}", time.as_secs())
}

/// Reads how long a caller waits. Other preferences, and ones that are not understood, mean nothing.
///
/// ```
/// use std::time::Duration;
/// use fhe_nn_service::protocol::headers;
///
/// let wait = headers::read_wait("respond-async, wait=10");
/// assert_eq!(wait, Some(Duration::from_secs(10)));
/// assert_eq!(headers::read_wait("wait=soon"), None);
/// ```
pub fn read_wait(value: &str) -> Option<Duration> {
    let preferences = value.split([',', ';']).map(str::trim);
    let mut waits = preferences.filter_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let waits = name.trim().eq_ignore_ascii_case("wait");
        value.parse().ok().filter(|_| waits)
    });
    waits.next().map(Duration::from_secs)
}
