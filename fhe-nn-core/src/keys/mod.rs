//! Who may do what: the client's secret keys, and the evaluation key that a server sees.

mod bootstrap;
mod client;
mod evaluation;
mod keyswitch;
mod secret;
mod seeded;

pub use client::ClientKey;
pub use evaluation::EvaluationKey;
pub(crate) use evaluation::Keys;
pub(crate) use seeded::{SEED, Seeded, restore};

/// Tells keys apart: a random number, the same in a client key, its evaluation key and everything
/// encrypted under it. It is public.
pub(crate) type KeyId = [u8; 16];
