//! A store on NATS JetStream, which any number of services and workers share.
//!
//! | in JetStream | what it has |
//! |---|---|
//! | object store `fhe-nn-keys` | evaluation keys |
//! | bucket `fhe-nn-key-records` | what is known of each key; a key without a record does not exist |
//! | bucket `fhe-nn-tokens` | hashes of tokens |
//! | stream `fhe-nn-jobs` | jobs, as a work queue: what is acknowledged is gone |
//! | bucket `fhe-nn-pending` | by the name of a job: whose it is, and how far |
//! | bucket `fhe-nn-outcomes` | by the name of a job: its replies or its problem, for as long as replies are kept |
//! | buckets `fhe-nn-requests`, `fhe-nn-replies` | what of requests and of replies is too large for one message |
//! | stream `fhe-nn-dead` | jobs that were begun too often, for a week |
//! | bucket `fhe-nn-version` | the version of all this |
//!
//! Jobs are at least once delivered, and a name stands for equal replies, so each is answered once for whoever asks. An
//! outcome is stored before its job is acknowledged. Whoever waits is told by a message without a promise, and looks
//! every second in case that it is lost.
//!
//! Nothing newer than version 2.9 of the server is needed. A server confirms what it has given to the operating system:
//! it survives a kill, and with replicas (which an operator gives to the streams) a power failure.

mod connection;
mod content;
mod impatient;
mod keys;
mod lately;
mod message;
mod pieces;
mod queue;
mod tokens;

pub use connection::{NatsOptions, NatsStore};
pub use keys::NatsKeys;
pub use queue::NatsQueue;
pub use tokens::NatsTokens;
