//! Generates keyswitching keys.

use fhe_nn_proof::noise::{KEYSWITCH_MODULUS_BITS, secure_variance_of};
use zeroize::Zeroizing;

use super::noise::Noise;
use super::random::{mask_seed, noise_seeds};
use super::secret::{Secret, chosen};
use crate::Error;
use crate::masks::Stream;
use crate::parallel::*;
use crate::watch::Count;
use crate::wire::{Keyswitch, Seeded, cut};

/// Encrypts the bits of one key under another, modulo `2^32`. Every bit has one ciphertext for each level, from the
/// least significant digit on, and the masks of all ciphertexts come one after the other from one seed.
///
/// # Errors
/// [`Error::Randomness`] and [`Error::Cancelled`].
pub(super) fn generate(
    key: &Keyswitch,
    from: &Secret,
    to: &Secret,
    count: &Count<'_>,
) -> Result<Seeded, Error> {
    let seed = mask_seed()?;
    let noises = noise_seeds(from.bits().len().div_ceil(AT_ONCE))?;
    let small = SmallKey {
        key,
        bits: Zeroizing::new(to.bits().iter().map(|&bit| chosen(bit) as u32).collect()),
        masks: Stream::new(seed),
        variance: secure_variance_of(key.to, KEYSWITCH_MODULUS_BITS),
    };
    let bytes = key.body_bytes as usize;
    let of_bit = key.digits.levels as usize * bytes;
    let mut bodies = vec![0; key.bodies() * bytes];
    bodies
        .par_chunks_mut(AT_ONCE * of_bit)
        .enumerate()
        .for_each(|(index, to)| {
            if count.stopped() {
                return;
            }
            let mut noise = Noise::new(noises[index], small.variance);
            let bits = from.bits().iter().enumerate().skip(index * AT_ONCE);
            for ((index, &bit), to) in bits.zip(to.chunks_exact_mut(of_bit)) {
                small.encrypt(index, bit, &mut noise, to);
            }
            count.done(to.len());
        });
    count.check()?;
    Ok(Seeded { seed, bodies })
}

/// Number of bits whose noise comes from one seed.
const AT_ONCE: usize = 32;

/// A small key under which the ciphertexts of a keyswitching key are encrypted.
struct SmallKey<'a> {
    key: &'a Keyswitch,
    /// The bits of the small key, as [`chosen`] makes them.
    bits: Zeroizing<Vec<u32>>,
    masks: Stream,
    /// The variance of fresh noise, in squares of a turn of the torus.
    variance: f64,
}

impl SmallKey<'_> {
    /// Writes the bodies of the ciphertexts of a bit, which is number `index` of the large key.
    fn encrypt(&self, index: usize, bit: u64, noise: &mut Noise, to: &mut [u8]) {
        let levels = self.key.digits.levels;
        let bytes = self.key.body_bytes as usize;
        let mut mask = vec![0; self.bits.len()];
        for (number, to) in to.chunks_exact_mut(bytes).enumerate() {
            let ciphertext = index * levels as usize + number;
            self.masks.fill_halves(ciphertext * mask.len(), &mut mask);
            let level = levels - number as u32;
            let content = (bit as u32) << (32 - self.key.digits.base_log * level);
            let products = mask.iter().zip(self.bits.iter());
            let product = products.fold(0, |sum: u32, (x, s)| sum.wrapping_add(x & s));
            let noise = (noise.draw().wrapping_add(1 << 31) >> 32) as u32;
            let body = product.wrapping_add(content).wrapping_add(noise);
            cut(&[u64::from(body) << 32], bytes, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::noise::Decomposition;
    use tfhe::core_crypto::commons::math::random::Seed;
    use tfhe::core_crypto::prelude::*;

    use super::*;
    use crate::watch::Watch;
    use crate::wire::restore;

    #[test]
    fn tfhe_expands_the_key_and_finds_the_bits_in_it() {
        // dimensions that are odd: masks begin in the middle of a word
        let key = Keyswitch {
            from: 37,
            to: 801,
            digits: Decomposition {
                base_log: 3,
                levels: 5,
            },
            body_bytes: 3,
        };
        let secret = |dimension| Secret::generate(dimension).expect("the system has randomness");
        let (from, to) = (secret(key.from), secret(key.to));
        let count = Watch::new().count(1);
        let Seeded { seed, bodies } = generate(&key, &from, &to, &count).expect("not cancelled");
        let bodies = restore(&bodies, 3).map(|body| (body >> 32) as u32);
        let expanded = SeededLweKeyswitchKey::from_container(
            bodies.collect::<Vec<u32>>(),
            DecompositionBaseLog(3),
            DecompositionLevelCount(5),
            LweDimension(801).to_lwe_size(),
            Seed(seed).into(),
            CiphertextModulus::<u32>::new_native(),
        )
        .decompress_into_lwe_keyswitch_key();
        let bits: Vec<u32> = to.bits().iter().map(|&bit| bit as u32).collect();
        let bits = LweSecretKey::from_container(bits);
        // bodies are rounded to steps of 2^-24
        let rounding = (-48f64).exp2() / 12.0;
        let deviation = (secure_variance_of(key.to, KEYSWITCH_MODULUS_BITS) + rounding).sqrt();
        let mut squares = 0.0;
        for (index, block) in expanded.iter().enumerate() {
            for (number, ciphertext) in block.iter().enumerate() {
                let phase = decrypt_lwe_ciphertext(&bits, &ciphertext).0;
                let content = (from.bits()[index] as u32) << (32 - 3 * (5 - number));
                let error = phase.wrapping_sub(content) as i32;
                let error = f64::from(error) / 32f64.exp2() / deviation;
                assert!(
                    error.abs() < 8.0,
                    "bit {index}, ciphertext {number}: {error}"
                );
                squares += error * error;
            }
        }
        // 185 squares of mean 1 and variance 2, and six deviations
        let mean = squares / 185.0;
        assert!((mean - 1.0).abs() < 6.0 * (2.0f64 / 185.0).sqrt(), "{mean}");
    }
}
