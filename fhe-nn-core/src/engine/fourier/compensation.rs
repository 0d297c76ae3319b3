//! Mean compensation: half of what the masks lose when they are cut to digits goes into the body.
//!
//! With errors `r_j` of the masks, the phase moves by `-sum_j r_j S_j`, and the bits of a key are 1/2 on
//! average. So the body takes `sum_j r_j (1 + X + ... + X^(N-1)) / 2` (de Ruijter, D'Anvers and
//! Verbauwhede, eprint 2025/809; [`bootstrap_rounding_variance`] has what is left). Its coefficient c is
//! half the sum of the errors up to c less those beyond, because these wrap around.
//!
//! All coefficients of a block of [`rounding_block`] take the same: the errors of the blocks below less
//! those of the blocks above. That is a sum for each block, and no prefix sum for each coefficient.
//!
//! [`bootstrap_rounding_variance`]: fhe_nn_proof::noise::bootstrap_rounding_variance

use fhe_nn_proof::noise::rounding_block;

use crate::lanes::{Kernel, Lanes};

/// Returns the number of blocks of a polynomial.
pub(super) fn blocks_of_errors(size: usize) -> usize {
    size / rounding_block(size as u32) as usize
}

/// Adds half of the errors of a mask to the sums of their blocks.
pub(super) struct Errors<'a> {
    /// The mask, with [`offset`](super::io::offset) added.
    pub(super) words: &'a [[u64; 8]],
    /// Number of low bits of a word that digits do not reach.
    pub(super) cut: u32,
    pub(super) sums: &'a mut [u64],
}

impl Kernel for Errors<'_> {
    type Output = ();

    /// The low bits of a word are its distance from the multiple of `2^cut` below, and half of `2^cut`
    /// was added to it: the error, rounded less exact, is `2^cut / 2` less the low bits.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let words = self.words.len() / self.sums.len();
        let low = (1u64 << self.cut) - 1;
        // half of `2^cut / 2` for every coefficient; halves lose a bit of 2^-64 of the torus
        let all = ((8 * words) as u64) << self.cut >> 2;
        for (sum, words) in self.sums.iter_mut().zip(self.words.chunks_exact(words)) {
            let mut lows = [0u64; 8];
            for word in words {
                for (low_bits, x) in lows.iter_mut().zip(word) {
                    *low_bits = low_bits.wrapping_add((x & low) >> 1);
                }
            }
            let lows = lows.iter().fold(0u64, |sum, x| sum.wrapping_add(*x));
            *sum = sum.wrapping_add(all.wrapping_sub(lows));
        }
    }
}

/// Replaces the sum of every block by what its body takes: the sums of the blocks below less those of the
/// blocks above.
pub(super) fn prefix(sums: &mut [u64]) {
    let all = sums.iter().fold(0u64, |all, x| all.wrapping_add(*x));
    let (mut below, mut above) = (0u64, all);
    for sum in sums {
        above = above.wrapping_sub(*sum);
        let own = std::mem::replace(sum, below.wrapping_sub(above));
        below = below.wrapping_add(own);
    }
}

/// Writes a body to whose blocks is added what they take.
pub(super) struct Compensate<'a> {
    pub(super) body: &'a [[u64; 8]],
    pub(super) sums: &'a [u64],
    pub(super) out: &'a mut [[u64; 8]],
}

impl Kernel for Compensate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let words = self.body.len() / self.sums.len();
        let blocks = self.body.chunks_exact(words);
        let blocks = blocks.zip(self.out.chunks_exact_mut(words));
        for (sum, (body, out)) in self.sums.iter().zip(blocks) {
            for (out, x) in out.as_flattened_mut().iter_mut().zip(body.as_flattened()) {
                *out = x.wrapping_add(*sum);
            }
        }
    }
}
