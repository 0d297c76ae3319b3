//! Generates keyswitching keys.

use fhe_nn_proof::noise::{KEYSWITCH_MODULUS_BITS, secure_variance_of};
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::random::{mask_seed, noise_seeds, noise_source};
use super::secret::Secret;
use crate::Error;
use crate::masks::seeded_keyswitch;
use crate::watch::Count;
use crate::wire::{Keyswitch, Seeded, cut};

/// Encrypts the bits of one key under another, modulo `2^32`.
///
/// # Errors
/// [`Error::Randomness`] and [`Error::Cancelled`].
pub(super) fn generate(
    key: &Keyswitch,
    from: &Secret,
    to: &Secret,
    count: &Count<'_>,
) -> Result<Seeded, Error> {
    count.check()?;
    let short: Zeroizing<Vec<u32>> =
        Zeroizing::new(to.bits().iter().map(|&bit| bit as u32).collect());
    let to = LweSecretKey::from_container(short.as_slice());
    let (seed, noise) = (mask_seed()?, noise_seeds(1)?);
    let bytes = key.body_bytes as usize;
    let mut seeded = seeded_keyswitch(key, vec![0; key.bodies()], seed);
    let variance = secure_variance_of(key.to, KEYSWITCH_MODULUS_BITS);
    let fresh = Gaussian::from_dispersion_parameter(Variance(variance), 0.0);
    let source = &mut noise_source(noise[0]);
    generate_seeded_lwe_keyswitch_key(&from.as_lwe(), &to, &mut seeded, fresh, source);
    let wide = seeded.as_ref().iter().map(|&x| u64::from(x) << 32);
    let wide: Vec<u64> = wide.collect();
    let mut bodies = vec![0; key.bodies() * bytes];
    cut(&wide, bytes, &mut bodies);
    count.done(bodies.len());
    Ok(Seeded {
        seed: seed.0,
        bodies,
    })
}
