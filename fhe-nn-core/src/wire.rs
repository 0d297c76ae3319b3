//! What travels between a client and a server, as bytes: descriptions, evaluation keys, requests and replies.
//! This module holds neither secrets nor expanded keys.
//!
//! Every file and message is versioned. Evaluation keys, requests and replies have exactly the size that
//! follows from the plan: their length is never read from outside, and reading allocates what the plan says.
//!
//! ```text
//! "FHENN" | kind | version (u16) | plan's fingerprint (32) | key id (16) | payload
//! ```
//!
//! Headers and seeds are little-endian. Masks are drawn from seeds, so only bodies travel, cut to their
//! most significant bytes. The elements of a reply are cut to as many of their most significant bits as the
//! noise leaves meaningful, and travel as one string.

mod bits;
mod ciphertexts;
mod description;
mod evaluation_key;
mod header;
mod key_part;
mod reply;
mod request;
mod seeded;
mod stream;

pub(crate) use ciphertexts::Ciphertexts;
pub use description::{Description, ServerIdentity};
pub use evaluation_key::EvaluationKey;
#[cfg(feature = "engine")]
pub(crate) use evaluation_key::{Checksum, read_exact, read_header};
pub(crate) use header::{HEADER, Header, PREFIX};
pub use header::{KeyId, Kind, Label};
#[cfg(feature = "engine")]
pub(crate) use key_part::keyswitch_of;
pub(crate) use key_part::{KeyPart, Keyswitch, bootstrap_bytes, key_parts};
pub use reply::Reply;
pub use request::Request;
#[cfg(feature = "client")]
pub(crate) use seeded::cut;
#[cfg(feature = "engine")]
pub(crate) use seeded::restore;
pub(crate) use seeded::{SEED, Seeded};
