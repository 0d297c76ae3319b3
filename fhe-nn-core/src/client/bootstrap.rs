//! Generates bootstrapping keys.

use fhe_nn_proof::plan::Bootstrap;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::random::{mask_seed, noise_seeds, noise_source};
use super::secret::{Secret, noise};
use crate::Error;
use crate::masks::{modulus, part_seeds, rows};
use crate::parallel::*;
use crate::watch::Count;
use crate::wire::{Seeded, bootstrap_bytes, cut};

/// Encrypts the small key under the large one as GGSW ciphertexts ([`messages`]), each with masks from a seed
/// of its own.
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
    let messages = messages(small.bits(), key.key_bits);
    let masks = part_seeds(seed, messages.len());
    let noises = noise_seeds(masks.len())?;
    let part = bodies.len() / masks.len();
    bodies
        .par_chunks_exact_mut(part)
        .enumerate()
        .for_each(|(index, to)| {
            if count.stopped() {
                return;
            }
            let (bit, noise) = (messages[index], noises[index]);
            let mut ciphertext = seeded_ggsw(key, vec![0; part / bytes], masks[index]);
            encrypt_seeded_glwe_ciphertext_list(
                &large,
                &mut ciphertext,
                &PlaintextList::from_container(contents(key, bit, large.as_ref()).as_slice()),
                fresh,
                &mut noise_source(noise),
            );
            cut(ciphertext.as_ref(), bytes, to);
            count.done(part);
        });
    count.check()?;
    Ok(Seeded { seed, bodies })
}

/// Returns what the rows of the GGSW ciphertext of a bit encrypt: the bit times the digit's place, at the
/// constant coefficient, for the body, and times less than nothing by a key's polynomial for a mask.
fn contents(key: &Bootstrap, bit: u64, large: &[u64]) -> Zeroizing<Vec<u64>> {
    let size = key.shape.polynomial_size as usize;
    // allocated at its full size, as below
    let mut contents = Zeroizing::new(vec![0u64; key.rows() as usize * size]);
    for (row, to) in rows(key).zip(contents.chunks_exact_mut(size)) {
        let value = bit.wrapping_mul(row.place);
        match large.chunks_exact(size).nth(row.column) {
            None => to[0] = value,
            Some(polynomial) => {
                for (to, s) in to.iter_mut().zip(polynomial) {
                    *to = value.wrapping_mul(*s).wrapping_neg();
                }
            }
        }
    }
    contents
}

/// Returns what the GGSW ciphertexts of a bootstrapping key encrypt, step by step: the bits of the small key,
/// or, for each pair of bits s and t, `s (1 - t)`, `(1 - s) t` and `s t`, and a last bit that is left over.
fn messages(bits: &[u64], key_bits: u32) -> Zeroizing<Vec<u64>> {
    // allocated at its full size: a vector that grows would leave copies behind
    let mut messages = Zeroizing::new(Vec::with_capacity(2 * bits.len()));
    for step in bits.chunks(key_bits as usize) {
        match step {
            [s, t] => messages.extend([s & (1 ^ t), (1 ^ s) & t, s & t]),
            bits => messages.extend_from_slice(bits),
        }
    }
    messages
}

/// Makes the rows of the GGSW ciphertext of one bit of a bootstrapping key, in the order of [`rows`].
fn seeded_ggsw(
    key: &Bootstrap,
    bodies: Vec<u64>,
    mask: Seed,
) -> SeededGlweCiphertextListOwned<u64> {
    SeededGlweCiphertextList::from_container(
        bodies,
        GlweDimension(key.shape.dimension as usize).to_glwe_size(),
        PolynomialSize(key.shape.polynomial_size as usize),
        mask.into(),
        modulus(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_two_bits_has_three_messages_of_which_one_is_1_at_most() {
        assert_eq!(*messages(&[1, 0, 1], 1), [1, 0, 1]);
        let bits = [0, 0, 0, 1, 1, 0, 1, 1, 1];
        let expected = [0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1];
        assert_eq!(*messages(&bits, 2), expected);
    }
}
