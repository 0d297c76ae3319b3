//! Generates bootstrapping keys.

use fhe_nn_proof::noise::secure_variance;
use fhe_nn_proof::plan::Bootstrap;
use tfhe::core_crypto::commons::math::random::Seed;
use zeroize::Zeroizing;

use super::noise::Noise;
use super::product::{LANES, Multiplier, Scratch};
use super::random::{mask_seed, noise_seeds};
use super::secret::Secret;
use crate::Error;
use crate::masks::{Row, Stream, part_seeds, rows};
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
    let mut bodies = vec![0; bootstrap_bytes(key)];
    let seed = mask_seed()?;
    let messages = messages(small.bits(), key.key_bits);
    let masks = part_seeds(seed, messages.len());
    let noises = noise_seeds(masks.len())?;
    let part = bodies.len() / masks.len();
    let large = LargeKey::new(key, large);
    bodies
        .par_chunks_mut(LANES * part)
        .enumerate()
        .for_each(|(index, to)| {
            let some = index * LANES..index * LANES + to.len() / part;
            let (messages, masks) = (&messages[some.clone()], &masks[some.clone()]);
            large.encrypt(messages, masks, &noises[some], to, count);
        });
    count.check()?;
    Ok(Seeded { seed, bodies })
}

/// A large key under which the GGSW ciphertexts of a bootstrapping key are encrypted.
struct LargeKey<'a> {
    key: &'a Bootstrap,
    /// The polynomials of the large key, one after the other.
    bits: &'a [u64],
    /// The same polynomials, as masks are multiplied with them.
    multipliers: Vec<Multiplier>,
    /// The variance of fresh noise, in squares of a turn of the torus.
    variance: f64,
}

impl<'a> LargeKey<'a> {
    fn new(key: &'a Bootstrap, large: &'a Secret) -> Self {
        let bits = large.bits();
        let polynomials = bits.chunks_exact(key.shape.polynomial_size as usize);
        LargeKey {
            key,
            bits,
            multipliers: polynomials.map(Multiplier::new).collect(),
            variance: secure_variance(key.shape.lwe_dimension()),
        }
    }

    /// Writes the bodies of the rows of at most [`LANES`] GGSW ciphertexts, one ciphertext after the other. For each of
    /// them, there is a bit, and a seed of its masks and of its noise. If the job is cancelled, rows are left out.
    fn encrypt(
        &self,
        bits: &[u64],
        masks: &[Seed],
        noises: &[u128],
        to: &mut [u8],
        count: &Count<'_>,
    ) {
        let size = self.key.shape.polynomial_size as usize;
        let bytes = self.key.body_bytes() as usize;
        let masks: Vec<Stream> = masks.iter().map(|seed| Stream::new(seed.0)).collect();
        let noises = noises.iter().map(|&seed| Noise::new(seed, self.variance));
        let mut noises: Vec<Noise> = noises.collect();
        let mut scratch = Scratch::new(size);
        let mut words = vec![0; size];
        let mut columns = vec![[0; LANES]; size];
        let mut products = Zeroizing::new(columns.clone());
        let mut body = Zeroizing::new(vec![0; size]);
        let part = to.len() / bits.len();
        for (index, row) in rows(self.key).enumerate() {
            if count.stopped() {
                return;
            }
            products.fill([0; LANES]);
            for (column, multiplier) in self.multipliers.iter().enumerate() {
                let first = (index * self.multipliers.len() + column) * size;
                for (lane, stream) in masks.iter().enumerate() {
                    stream.fill(first, &mut words);
                    for (to, &word) in columns.iter_mut().zip(&words) {
                        to[lane] = word;
                    }
                }
                multiplier.add(&columns, &mut scratch, &mut products);
            }
            for (lane, noise) in noises.iter_mut().enumerate() {
                for (body, product) in body.iter_mut().zip(products.iter()) {
                    *body = product[lane].wrapping_add(noise.draw());
                }
                self.add_content(bits[lane], &row, &mut body);
                let to = &mut to[lane * part + index * size * bytes..][..size * bytes];
                cut(&body, bytes, to);
            }
            count.done(bits.len() * size * bytes);
        }
    }

    /// Adds what a row of the GGSW ciphertext of a bit encrypts: the bit times the digit's place, at the
    /// constant coefficient, for the body, and times less than nothing by a key's polynomial for a mask.
    fn add_content(&self, bit: u64, row: &Row, body: &mut [u64]) {
        let value = bit.wrapping_mul(row.place);
        match self.bits.chunks_exact(body.len()).nth(row.column) {
            None => body[0] = body[0].wrapping_add(value),
            Some(polynomial) => {
                for (to, s) in body.iter_mut().zip(polynomial) {
                    *to = to.wrapping_sub(value.wrapping_mul(*s));
                }
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use fhe_nn_proof::noise::{Decomposition, Shape};
    use tfhe::core_crypto::prelude::*;

    use super::*;
    use crate::masks::modulus;
    use crate::watch::{Progress, Watch};

    /// A source that has one seed.
    struct One(Seed);

    impl Seeder for One {
        fn seed(&mut self) -> Seed {
            self.0
        }

        fn is_available() -> bool {
            true
        }
    }

    fn secret(dimension: u32) -> Secret {
        Secret::generate(dimension).expect("the system has randomness")
    }

    fn digits(base_log: u32, levels: u32) -> Decomposition {
        Decomposition { base_log, levels }
    }

    /// A bootstrap with steps of one bit, whose bodies have the digits of the masks.
    fn bootstrap(small_dimension: u32, shape: (u32, u32), digits: Decomposition) -> Bootstrap {
        Bootstrap {
            keyswitch: None,
            small_dimension,
            shape: Shape {
                dimension: shape.0,
                polynomial_size: shape.1,
            },
            extension: 1,
            digits,
            body: None,
            key_bits: 1,
            companion: 0,
        }
    }

    /// The bodies of a GGSW ciphertext, as tfhe encrypts its rows one by one.
    fn of_tfhe(key: &Bootstrap, large: &Secret, bit: u64, mask: Seed, noise_seed: u128) -> Vec<u8> {
        let size = PolynomialSize(key.shape.polynomial_size as usize);
        let polynomials = large.bits().chunks_exact(size.0);
        let contents = rows(key).flat_map(|row| {
            let value = bit.wrapping_mul(row.place);
            match polynomials.clone().nth(row.column) {
                Some(s) => s
                    .iter()
                    .map(|s| value.wrapping_mul(*s).wrapping_neg())
                    .collect(),
                None => [vec![value], vec![0; size.0 - 1]].concat(),
            }
        });
        let contents: Vec<u64> = contents.collect();
        let mut ciphertexts = SeededGlweCiphertextList::from_container(
            vec![0; contents.len()],
            GlweDimension(key.shape.dimension as usize).to_glwe_size(),
            size,
            mask.into(),
            modulus(),
        );
        encrypt_seeded_glwe_ciphertext_list(
            &GlweSecretKey::from_container(large.bits(), size),
            &mut ciphertexts,
            &PlaintextList::from_container(contents),
            Gaussian::from_dispersion_parameter(
                Variance(secure_variance(key.shape.lwe_dimension())),
                0.0,
            ),
            &mut One(Seed(noise_seed)),
        );
        let bytes = key.body_bytes() as usize;
        let mut to = vec![0; ciphertexts.as_ref().len() * bytes];
        cut(ciphertexts.as_ref(), bytes, &mut to);
        to
    }

    #[test]
    fn all_of_a_key_is_counted_and_a_cancelled_one_is_not_made() {
        let key = Bootstrap {
            key_bits: 2,
            ..bootstrap(19, (2, 256), digits(12, 2))
        };
        let (small, large) = (secret(19), secret(512));
        let all = bootstrap_bytes(&key);
        let greatest = AtomicUsize::new(0);
        let keep = |progress: Progress| {
            assert_eq!(progress.total, all);
            greatest.fetch_max(progress.done, Ordering::Relaxed);
        };
        let count = Watch::new().with_progress(&keep).count(all);
        let made = generate(&key, &small, &large, &count).expect("not cancelled");
        assert_eq!(made.bodies.len(), all);
        assert_eq!(greatest.into_inner(), all);

        let cancel = AtomicBool::new(false);
        let stop = |_: Progress| cancel.store(true, Ordering::Relaxed);
        let watch = Watch::new().with_progress(&stop).with_cancel(&cancel);
        let cancelled = generate(&key, &small, &large, &watch.count(all));
        assert!(matches!(cancelled, Err(Error::Cancelled)));
    }

    #[test]
    fn ciphertexts_are_those_of_tfhe() {
        let keys = [
            bootstrap(11, (1, 2048), digits(15, 2)),
            Bootstrap {
                body: Some(digits(20, 1)),
                ..bootstrap(11, (1, 2048), digits(15, 2))
            },
            bootstrap(11, (3, 512), digits(12, 3)),
            bootstrap(11, (6, 256), digits(20, 1)),
            bootstrap(11, (1, 4096), digits(22, 1)),
        ];
        for key in keys {
            let (small, large) = (secret(11), secret(key.shape.lwe_dimension()));
            let own = LargeKey::new(&key, &large);
            let count = Watch::new().count(0);
            // all lanes, and some
            for bits in [&small.bits()[..LANES], &small.bits()[LANES..]] {
                let masks = part_seeds(7, bits.len());
                let noises: Vec<u128> = (1..).take(bits.len()).collect();
                let all = bits.iter().zip(&masks).zip(&noises);
                let expected =
                    all.map(|((&bit, &mask), &noise)| of_tfhe(&key, &large, bit, mask, noise));
                let expected = expected.collect::<Vec<_>>().concat();
                let mut bodies = vec![0; expected.len()];
                own.encrypt(bits, &masks, &noises, &mut bodies, &count);
                assert!(bodies == expected, "{key:?}");
            }
        }
    }

    #[test]
    fn a_step_of_two_bits_has_three_messages_of_which_one_is_1_at_most() {
        assert_eq!(*messages(&[1, 0, 1], 1), [1, 0, 1]);
        let bits = [0, 0, 0, 1, 1, 0, 1, 1, 1];
        let expected = [0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1];
        assert_eq!(*messages(&bits, 2), expected);
    }
}
