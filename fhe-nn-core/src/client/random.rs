//! Randomness: secret bits, seeds of masks and seeds of noise all come from the operating system.
//!
//! tfhe's own choice takes the processor's `RDSEED` alone wherever there is one, whereas the operating
//! system mixes several sources and tests them.

use zeroize::Zeroizing;

use crate::Error;

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`Error::Randomness`].
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|source| Error::Randomness(source.into()))
}

/// Draws a seed of masks, which is public.
///
/// # Errors
/// [`Error::Randomness`].
pub(super) fn mask_seed() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// Draws seeds of noise, which are secret: the noise would reveal the key.
///
/// # Errors
/// [`Error::Randomness`].
pub(super) fn noise_seeds(count: usize) -> Result<Zeroizing<Vec<u128>>, Error> {
    let mut seeds = Zeroizing::new(vec![0; count]);
    let mut bytes = Zeroizing::new([0; 16]);
    for seed in seeds.iter_mut() {
        fill(bytes.as_mut_slice())?;
        *seed = u128::from_le_bytes(*bytes);
    }
    Ok(seeds)
}
