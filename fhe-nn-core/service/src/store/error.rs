//! What a store reports.

use std::io;

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The content of a key ended with an error of its own, so that nothing is stored.
    #[error("the content of the key could not be read: {0}")]
    Content(io::Error),
    /// A tenant has as many bytes of keys as it may have.
    #[error("keys of this tenant have {used} bytes, and {wanted} more would exceed {quota}")]
    Quota {
        /// Bytes of the keys that are stored.
        used: u64,
        /// Bytes of the key that came.
        wanted: u64,
        /// The most bytes of keys of one tenant.
        quota: u64,
    },
    /// There is no room left.
    #[error("the store is full: {0}")]
    Full(String),
    /// A tenant has as many jobs in the queue as it may have.
    #[error("{waiting} jobs of this tenant wait, and at most {limit} may")]
    TenantQueueFull {
        /// Jobs that wait or run.
        waiting: usize,
        /// The most of them.
        limit: usize,
    },
    /// The queue has as many jobs as it may have.
    #[error("{waiting} jobs wait, and at most {limit} may")]
    QueueFull {
        /// Jobs that wait or run.
        waiting: usize,
        /// The most of them.
        limit: usize,
    },
    /// The store does not answer, or cannot be read.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Another process has the folder.
    #[error(
        "`{folder}` is used by another process\n  = help: stop it, or give another folder by `--data DIR`"
    )]
    Locked {
        /// The folder.
        folder: String,
    },
    /// The store was written by a newer program.
    #[error(
        "the store has version {found}, but this program reads versions up to {known}\n  = help: it was written by a newer fhe-nn: update this program"
    )]
    NewerVersion {
        /// The version of the store.
        found: u64,
        /// The newest version that is read.
        known: u64,
    },
}

impl StoreError {
    /// What the system reports of a file of the store.
    pub(crate) fn of(what: &str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => StoreError::Full(format!("{what}: {source}")),
            _ => StoreError::Unavailable(format!("{what}: {source}")),
        }
    }
}
