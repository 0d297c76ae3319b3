//! Who may do what: the client's secret keys, and the evaluation key that a server sees.

mod client;
mod evaluation;
mod secret;

pub use client::ClientKey;
pub use evaluation::EvaluationKey;
pub(crate) use evaluation::{Seeded, SeededStageKey, StageKey};

/// Tells keys apart: a random number, the same in a client key, its evaluation key and everything
/// encrypted under it. It is public.
pub(crate) type KeyId = [u8; 16];
