//! Encrypted runs equal clear ones, the noise of real ciphertexts is the one predicted, and simulated runs
//! fail and differ as encrypted ones do.

mod graphs;
mod noise;
mod parity;
pub(super) mod random;
mod simulation;
mod steps;
