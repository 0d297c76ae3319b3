//! Inference on encrypted inputs as a service: what the program `fhe-nn` is made of, for programs of your own.
//!
//! [`protocol`] is what client and server agree on.

pub mod protocol;
pub mod server;
pub mod store;
pub mod worker;
