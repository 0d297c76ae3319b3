//! How much a service takes, how long it keeps it, and what it shows.

use std::time::Duration;

use super::Page;
use crate::store::Limits;

/// How much a service takes, how long it keeps it, and what it shows. The defaults are those of `fhe-nn serve`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How much the queue takes.
    pub queue: Limits,
    /// The most bytes of evaluation keys of one tenant.
    pub key_bytes: u64,
    /// How long a key is kept after its last use.
    pub key_lifetime: Duration,
    /// How long replies are kept.
    pub reply_lifetime: Duration,
    /// How long a job waits for a worker before it is given up.
    pub deadline: Duration,
    /// The longest wait for replies that a caller is granted.
    pub wait: Duration,
    /// The most connections at once.
    pub connections: usize,
    /// How long the next piece of a call may take: its head, or more bytes of its body.
    pub pause: Duration,
    /// The slowest body that is read, and the slowest answer that is taken, in the long run; in bytes a second.
    pub slowest: u64,
    /// How long callers who wait are answered after the service was told to end.
    pub grace: Duration,
    /// The page that is shown at `/`, if there is one.
    pub page: Option<Page>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            queue: Limits {
                jobs: 1024,
                tenant_jobs: 256,
                bytes: 512 << 20,
            },
            key_bytes: 4 << 30,
            key_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            reply_lifetime: Duration::from_secs(24 * 60 * 60),
            deadline: Duration::from_secs(60 * 60),
            wait: Duration::from_secs(60),
            connections: 1024,
            pause: Duration::from_secs(20),
            slowest: 16 << 10,
            grace: Duration::from_secs(10),
            page: None,
        }
    }
}

impl Settings {
    /// The longest time in which a body of so many bytes may come.
    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        self.pause + Duration::from_secs(bytes / self.slowest.max(1))
    }
}
