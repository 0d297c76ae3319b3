//! Randomness: secret bits, seeds of masks and seeds of noise all come from the operating system.
//!
//! tfhe's own choice takes the processor's `RDSEED` alone wherever there is one, whereas the operating
//! system mixes several sources and tests them.

use tfhe::core_crypto::commons::math::random::{Seed, Seeder};

use crate::Error;

/// Draws every seed from the operating system.
pub(super) struct System(());

impl System {
    /// # Errors
    /// [`Error::Randomness`] if the system has no randomness.
    pub(super) fn new() -> Result<Self, Error> {
        fill(&mut [0; 16])?;
        Ok(System(()))
    }
}

impl Seeder for System {
    fn seed(&mut self) -> Seed {
        let mut bytes = [0; 16];
        fill(&mut bytes).expect("the system gave random bytes when this value was made");
        Seed(u128::from_le_bytes(bytes))
    }

    fn is_available() -> bool {
        true
    }
}

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`Error::Randomness`].
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|source| Error::Randomness(source.into()))
}
