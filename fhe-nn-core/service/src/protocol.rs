//! What client and server agree on: calls, headers, problems, names, tokens and receipts.
//!
//! | call | what | answers |
//! |---|---|---|
//! | `GET` [`paths::MODELS`] | [`ModelList`] | 200 |
//! | `GET` [`paths::MODEL`] | a description, with an `ETag`; `?plan=` asks for one version | 200, 304, 404, 410 |
//! | `HEAD` [`paths::KEY`] | whether this tenant has the key, since when (`Last-Modified`), until when (`Expires`) | 200, 404 |
//! | `PUT` [`paths::KEY`] | an evaluation key | 201 at the tenant's first upload, 200 after it, 400, 413, 507 |
//! | `DELETE` [`paths::KEY`] | | 204 |
//! | `POST` [`paths::INFERENCES`] | requests under one key, named by [`headers::KEY`]; `Prefer: wait=N` | 200 replies with a [`Receipt`] in [`headers::RECEIPT`], 202 with [`Accepted`] and `Location`, problems |
//! | `GET` [`paths::INFERENCE`] | replies when they are there; `Prefer: wait=N` | 200, 202, 404, 500 |
//! | `GET` [`paths::RECEIPT_KEYS`] | [`PublishedKeys`] | 200 |
//!
//! Every other answer is a [`Problem`]. An unknown path or method is one as well.
//!
//! **Bodies.** A body of an inference is one request of `fhe-nn encrypt`, or up to [`MAX_BATCH`] of them under one key,
//! one after the other; the answer has the replies in the same order. The requests name their plan in their header,
//! so that one path serves several versions of a model. An evaluation key names its plan in the same way.
//!
//! **Repetition.** An inference is a function of plan, key and requests. It has a [`JobName`] made of these and of the
//! tenant, so every call but `DELETE` may be repeated: nothing is done twice.
//!
//! **Secrecy.** What another tenant has does not exist: the answer is the one for something that was never there.

pub mod headers;
pub mod paths;

mod answers;
mod hash;
mod job;
mod name;
mod problem;
mod published;
mod receipt;
mod signing;
mod token;

pub use answers::{Accepted, JobState, ModelEntry, ModelList};
pub use hash::{Hash, HashError, Hasher};
pub use job::JobName;
pub use name::{ModelName, NameError, Tenant};
pub use problem::{Problem, ProblemKind};
pub use published::{PublishedKey, PublishedKeys};
pub use receipt::{Claims, KeyNumber, Receipt, ReceiptError};
pub use signing::{SigningError, SigningKeys};
pub use token::{Token, TokenError, TokenHash};

/// The most requests that one inference has.
pub const MAX_BATCH: usize = 64;
