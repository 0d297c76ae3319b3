//! The words that masks and noise are drawn from, many at once.
//!
//! tfhe's generator encrypts the numbers 0, 1, 2, .. under the seed by AES-128 (`tfhe-csprng`, `generators::aes_ctr`)
//! and hands out its bytes one at a time, which takes ten times as long as the encryption. These are the same words, by
//! the same cipher.

use aes::Aes128;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};

/// The words of a seed. What the cipher makes of the seed is wiped on drop.
pub(crate) struct Stream(Aes128);

/// Number of blocks that are encrypted at once.
const AT_ONCE: usize = 64;
/// Number of words of a block.
const WORDS: usize = 2;

impl Stream {
    pub(crate) fn new(seed: u128) -> Self {
        Stream(Aes128::new(&seed.to_le_bytes().into()))
    }

    /// Fills `words` with those from number `first` on.
    pub(crate) fn fill(&self, first: usize, words: &mut [u64]) {
        let (mut block, mut skipped) = (first / WORDS, first % WORDS);
        let mut rest = words;
        while !rest.is_empty() {
            let blocks = (skipped + rest.len()).div_ceil(WORDS).min(AT_ONCE);
            let mut all = [Block::<Aes128>::default(); AT_ONCE];
            let all = &mut all[..blocks];
            for (own, number) in all.iter_mut().zip(block as u128..) {
                *own = number.to_le_bytes().into();
            }
            self.0.encrypt_blocks(all);
            let drawn = all.iter().flat_map(|own| {
                let number = u128::from_le_bytes((*own).into());
                [number as u64, (number >> 64) as u64]
            });
            let (some, behind) = rest.split_at_mut(rest.len().min(WORDS * blocks - skipped));
            for (word, drawn) in some.iter_mut().zip(drawn.skip(skipped)) {
                *word = drawn;
            }
            (rest, block, skipped) = (behind, block + blocks, 0);
        }
    }

    /// Fills `halves` with the lower and upper halves of words, in turns, from half number `first` on.
    pub(crate) fn fill_halves(&self, first: usize, halves: &mut [u32]) {
        let mut words = [0; WORDS * AT_ONCE];
        let (mut next, mut rest) = (first, halves);
        while !rest.is_empty() {
            let skipped = next % 2;
            let count = rest.len().min(2 * words.len() - skipped);
            let drawn = &mut words[..(skipped + count).div_ceil(2)];
            self.fill(next / 2, drawn);
            let halves = drawn
                .iter()
                .flat_map(|&word| [word as u32, (word >> 32) as u32]);
            let (some, behind) = rest.split_at_mut(count);
            for (to, half) in some.iter_mut().zip(halves.skip(skipped)) {
                *to = half;
            }
            (next, rest) = (next + count, behind);
        }
    }
}

#[cfg(test)]
mod tests {
    use tfhe::core_crypto::commons::math::random::{RandomGenerator, Seed};
    use tfhe::core_crypto::prelude::DefaultRandomGenerator;

    use super::*;

    #[test]
    fn words_are_those_of_tfhe() {
        for seed in [0, 1, 0x0123_4567_89ab_cdef_0011_2233_4455_6677, u128::MAX] {
            let mut generator = RandomGenerator::<DefaultRandomGenerator>::new(Seed(seed));
            let mut expected = vec![0u64; 1_000];
            generator.fill_slice_with_random_uniform(&mut expected);
            let halves = expected
                .iter()
                .flat_map(|&word| [word as u32, (word >> 32) as u32]);
            let halves: Vec<u32> = halves.collect();
            let stream = Stream::new(seed);
            for (first, count) in [
                (0, 1_000),
                (1, 999),
                (0, 1),
                (3, 1),
                (127, 130),
                (128, 129),
                (500, 0),
            ] {
                let mut words = vec![0; count];
                stream.fill(first, &mut words);
                assert_eq!(words, expected[first..first + count], "{first}, {count}");
                let mut some = vec![0; count];
                stream.fill_halves(first, &mut some);
                assert_eq!(some, halves[first..first + count], "{first}, {count}");
            }
        }
    }
}
