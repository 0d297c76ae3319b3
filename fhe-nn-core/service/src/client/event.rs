//! What a client says while it works.

use std::time::Duration;

use crate::protocol::{JobName, JobState};

/// What a client does. [`ClientBuilder::on_event`](super::ClientBuilder::on_event) takes a function that hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server has the evaluation key already.
    KeyKnown,
    /// So many bytes of the evaluation key are on their way.
    KeySending {
        /// Bytes that were sent.
        sent: u64,
        /// Bytes of the key.
        total: u64,
    },
    /// The server has stored the evaluation key.
    KeyStored,
    /// The server has accepted an inference, and has no replies yet.
    Waiting {
        /// The name of the inference.
        inference: JobName,
        /// How far it is.
        state: JobState,
    },
    /// A call is repeated after a pause.
    Again {
        /// The call.
        call: String,
        /// What happened.
        reason: String,
        /// The pause.
        after: Duration,
    },
    /// The replies of so many requests are there, and their receipt, if there is one, was checked.
    Answered {
        /// Number of requests.
        requests: usize,
    },
}
