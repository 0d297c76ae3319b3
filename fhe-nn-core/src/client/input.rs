//! Encrypts inputs.

use fhe_nn_proof::noise::secure_variance;
use fhe_nn_proof::plan::InputPlan;
use zeroize::Zeroizing;

use super::noise::Noise;
use super::random::{mask_seed, noise_seeds};
use super::secret::{Secret, chosen};
use crate::Error;
use crate::masks::Stream;
use crate::wire::{Seeded, cut};

/// Encrypts plaintexts under the key of inputs. The masks of all ciphertexts come one after the other from one seed.
///
/// # Errors
/// [`Error::Randomness`].
pub(super) fn encrypt(
    input: &InputPlan,
    key: &Secret,
    plaintexts: &[u64],
) -> Result<Seeded, Error> {
    let (seed, noise_seed) = (mask_seed()?, noise_seeds(1)?);
    let masks = Stream::new(seed);
    let mut noise = Noise::new(noise_seed[0], secure_variance(input.dimension));
    let bits: Vec<u64> = key.bits().iter().map(|&bit| chosen(bit)).collect();
    let bits = Zeroizing::new(bits);
    let mut mask = vec![0; bits.len()];
    let bytes = input.body_bytes() as usize;
    let mut bodies = vec![0; bytes * plaintexts.len()];
    let all = plaintexts.iter().zip(bodies.chunks_exact_mut(bytes));
    for (index, (&plaintext, to)) in all.enumerate() {
        masks.fill(index * mask.len(), &mut mask);
        let products = mask.iter().zip(bits.iter()).map(|(x, s)| x & s);
        let product = products.fold(0, u64::wrapping_add);
        let body = product.wrapping_add(plaintext).wrapping_add(noise.draw());
        cut(&[body], bytes, to);
    }
    Ok(Seeded { seed, bodies })
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::noise::{MODULUS_BITS, seeded_variance};
    use tfhe::core_crypto::commons::math::random::Seed;
    use tfhe::core_crypto::prelude::*;

    use super::*;
    use crate::masks::modulus;
    use crate::wire::restore;

    #[test]
    fn tfhe_expands_a_request_and_finds_the_plaintexts_in_it() {
        // an odd dimension: masks begin in the middle of a block of the cipher
        let input = InputPlan { dimension: 801 };
        let key = Secret::generate(input.dimension).expect("the system has randomness");
        let plaintexts: Vec<u64> = (0..500).map(|index| index << 55).collect();
        let Seeded { seed, bodies } = encrypt(&input, &key, &plaintexts).expect("randomness");
        let bodies: Vec<u64> = restore(&bodies, input.body_bytes() as usize).collect();
        let expanded = SeededLweCiphertextList::from_container(
            bodies,
            LweDimension(801).to_lwe_size(),
            Seed(seed).into(),
            modulus(),
        )
        .decompress_into_lwe_ciphertext_list();
        let deviation = seeded_variance(input.dimension, MODULUS_BITS).sqrt();
        let errors = expanded
            .iter()
            .zip(&plaintexts)
            .map(|(ciphertext, plaintext)| {
                let phase = decrypt_lwe_ciphertext(&key.as_lwe(), &ciphertext).0;
                phase.wrapping_sub(*plaintext) as i64 as f64 / 64f64.exp2() / deviation
            });
        let errors: Vec<f64> = errors.collect();
        assert!(errors.iter().all(|error| error.abs() < 8.0), "{errors:?}");
        // 500 squares of mean 1 and variance 2, and six deviations
        let mean = errors.iter().map(|error| error * error).sum::<f64>() / 500.0;
        assert!((mean - 1.0).abs() < 6.0 * (2.0f64 / 500.0).sqrt(), "{mean}");
    }
}
