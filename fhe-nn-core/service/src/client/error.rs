//! Why a client has no answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::{Problem, ReceiptError};

/// Why a client has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The text is not the address of a server.
    #[error(
        "`{url}` is not the address of a server: {reason}\n  = help: write it as `https://host` or `http://127.0.0.1:8080`"
    )]
    Address {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address has no TLS, and is not on this machine.
    #[error(
        "`{url}` has no TLS: whoever is on the way could read the token and change descriptions, keys and replies"
    )]
    PlainHttp {
        /// The address.
        url: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The certificate of the server is not trusted.
    #[error("the certificate of the server is not trusted: {reason}")]
    Untrusted {
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not answer, or its answer breaks off.
    #[error("{call}: no answer within {}: {reason}", told(.patience))]
    NoAnswer {
        /// The call.
        call: String,
        /// For how long it was tried.
        patience: Duration,
        /// What happened last.
        reason: String,
    },
    /// The server says what is wrong.
    #[error("{call}: {problem}")]
    Problem {
        /// The call.
        call: String,
        /// What the server says.
        problem: Problem,
    },
    /// The answer is not one of this protocol.
    #[error("{call}: the answer cannot be used: {reason}")]
    Answer {
        /// The call.
        call: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The receipt is not what it should be: do not act on the replies.
    #[error("the replies cannot be trusted: {0}")]
    Receipt(#[from] ReceiptError),
    /// The server signs receipts, and there is none.
    #[error(
        "the replies cannot be trusted: the server signs receipts, but there is none with them"
    )]
    NoReceipt,
    /// More rows than one call may have.
    #[error("one call has 1 to {most} rows, but here are {rows}")]
    Rows {
        /// Number of rows.
        rows: usize,
        /// The most of them.
        most: usize,
    },
    /// The file of an evaluation key cannot be read.
    #[error("the evaluation key `{}` cannot be read: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system reports.
        source: io::Error,
    },
    /// An input, a description, a key or a reply is not what it should be.
    #[error(transparent)]
    Core(#[from] fhe_nn_core::Error),
    /// The threads of a blocking client cannot be started.
    #[error("a blocking client cannot be started: {0}")]
    Runtime(io::Error),
}

impl ClientError {
    /// Returns what the server says is wrong, if it says so.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            ClientError::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// A time for a person.
pub(super) fn told(time: &Duration) -> String {
    let rounded = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    humantime::format_duration(rounded).to_string()
}
