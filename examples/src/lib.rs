//! What the examples share: their networks, MNIST's files, options and measurements.

pub mod cli;
pub mod idx;
pub mod networks;
