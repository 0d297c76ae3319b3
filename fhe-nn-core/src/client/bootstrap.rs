//! Generates bootstrapping keys.

use fhe_nn_proof::plan::Bootstrap;
use tfhe::core_crypto::prelude::*;

use super::random::{mask_seed, noise_seeds, noise_source};
use super::secret::{Secret, noise};
use crate::Error;
use crate::masks::{part_seeds, seeded_ggsw};
use crate::parallel::*;
use crate::watch::Count;
use crate::wire::{Seeded, bootstrap_bytes, cut};

/// Encrypts every bit of the small key under the large one as a GGSW ciphertext, each with masks from a
/// seed of its own.
///
/// # Errors
/// [`Error::Randomness`] and [`Error::Cancelled`].
pub(super) fn generate(
    key: &Bootstrap,
    small: &Secret,
    large: &Secret,
    count: &Count<'_>,
) -> Result<Seeded, Error> {
    let bytes = key.body_bytes() as usize;
    let mut bodies = vec![0; bootstrap_bytes(key)];
    let seed = mask_seed()?.0;
    let size = PolynomialSize(key.shape.polynomial_size as usize);
    let large = GlweSecretKey::from_container(large.bits(), size);
    let fresh = noise(key.shape.lwe_dimension());
    let masks = part_seeds(seed, small.bits().len());
    let noises = noise_seeds(masks.len())?;
    let part = bodies.len() / masks.len();
    bodies
        .par_chunks_exact_mut(part)
        .enumerate()
        .for_each(|(index, to)| {
            if count.stopped() {
                return;
            }
            let (bit, noise) = (small.bits()[index], noises[index]);
            let mut ciphertext = seeded_ggsw(key, vec![0; part / bytes], masks[index]);
            encrypt_constant_seeded_ggsw_ciphertext(
                &large,
                &mut ciphertext,
                Cleartext(bit),
                fresh,
                &mut noise_source(noise),
            );
            cut(ciphertext.as_ref(), bytes, to);
            count.done(part);
        });
    count.check()?;
    Ok(Seeded { seed, bodies })
}
