//! Inference on encrypted inputs as a service: what the program `fhe-nn` is made of, for programs of your own.
//!
//! [`protocol`] is what client and server agree on, [`client`] is a client in Rust, and [`server`], [`store`] and
//! [`worker`] are the parts of a service.

pub mod client;
pub mod protocol;
pub mod server;
pub mod store;
pub mod worker;

pub use client::{Client, ClientError, Upload, blocking};
