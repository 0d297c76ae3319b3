//! The server's half: expanded evaluation keys, and the encrypted backend on LWE ciphertexts by
//! programmable bootstrapping.
//!
//! A value is one LWE ciphertext, whatever its width. An accumulator of `A` bits that counts modulo `2^M`
//! ([`Reader::modulus_bits`]) is a multiple of `2^-M` of the torus. Each layer takes these steps:
//!
//! ```text
//! linear combination -> keyswitch -> centered modulus switch -> blind rotation -> sample extract
//! ```
//!
//! Where tables are narrower than their accumulators, bootstraps of the same kind remove the low bits of
//! the accumulators in between (`lookup`).
//!
//! [`Reader::modulus_bits`]: fhe_nn_proof::widths::Reader::modulus_bits

mod backend;
mod complex;
mod expand;
mod fourier;
mod keyswitch;
mod linear;
mod lookup;
mod memory;
mod rotate;
mod server_key;
mod slow;
mod switch;
#[cfg(all(test, feature = "client"))]
mod tests;

pub(crate) use backend::Encrypted;
pub use server_key::ServerKey;
