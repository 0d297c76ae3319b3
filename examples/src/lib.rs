//! What the examples share: their networks, MNIST's files, encrypted inferences, options and measurements.

pub mod cli;
pub mod exchange;
pub mod idx;
pub mod networks;
