//! Blind rotations by Fourier transforms of our own. tfhe's batch spends half of its time outside of the
//! transforms, and keeps no two steps of the work in one register (DESIGN.md has the figures).

mod batch;
mod butterfly;
mod compensation;
mod ends;
mod io;
mod key;
mod layout;
mod order;
mod pairs;
mod powers;
mod rotation;
mod scratch;
#[cfg(test)]
mod tests;
mod transform;
mod turned;

pub(crate) use io::offset as digit_offset;
pub(crate) use key::{FourierKey, StepWriter};
pub(crate) use layout::Layout;
pub(crate) use order::Parts;
