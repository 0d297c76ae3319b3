//! The arithmetic of fhe-nn, pure and without cryptography: what the compiler and the
//! encrypted engine must agree on.
//!
//! - [`client`]: what a client must know.
//! - [`encoder`]: how a client encodes an input.
//! - [`error`]: what can be wrong with a model.
//! - [`graph`]: the integer program of a network, which every backend runs.
//! - [`model`]: model files.
//! - [`noise`]: the variance of every operation.
//! - [`part`]: the integers of every layer.
//! - [`plan`]: what the parameters of an encrypted run are, and (in `search`) how the best are found.
//! - [`prove`]: all of it, from the bytes of a model file to the parameters.
//! - [`rounding`]: how low bits of a wide accumulator are removed.
//! - [`spec`]: what a declaration says, as data.
//! - [`widths`]: how many bits an accumulator needs.
//!
//! `fhe-nn-macros` uses it to check declarations, and `fhe-nn-core` uses it to quantize and to plan.

pub mod client;
pub mod encoder;
pub mod error;
pub mod graph;
mod layers;
pub mod model;
pub mod noise;
pub mod part;
pub mod plan;
pub mod prove;
mod requirements;
pub mod rounding;
mod search;
pub mod spec;
pub mod widths;
