//! Where a service keeps evaluation keys, jobs and replies, and who may call it: three small traits.
//!
//! | trait | what it keeps | promise |
//! |---|---|---|
//! | [`Keys`] | evaluation keys of tenants, until they expire | a stored key is whole or absent, whatever ends the process |
//! | [`Queue`] | jobs and their replies | what was promised is answered once or more, with equal bytes |
//! | [`Tokens`] | hashes of bearer tokens | a token that was revoked is refused within a second |
//!
//! None of them assumes that callers and workers are one process. A job's name is made of all that its replies depend
//! on ([`JobName`](crate::protocol::JobName)), so work that is done twice does no harm. [`embedded`] keeps all in one
//! folder, and [`nats`] on servers of NATS that many processes share.

pub mod embedded;
pub mod nats;

mod error;
mod job;
mod keys;
mod queue;
mod tokens;

pub use error::StoreError;
pub use job::{Finished, Job, Outcome, State};
pub use keys::{KeyContent, KeyRecord, Keys, Put};
pub(crate) use queue::MOST_ATTEMPTS;
pub use queue::{Accepting, Depth, Lease, Limits, Promise, Queue};
pub use tokens::{TokenRecord, Tokens};
