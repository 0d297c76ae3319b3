//! Encrypted equals clear, and the noise of real ciphertexts is the one predicted.

mod noise;
mod parity;
pub(super) mod random;
