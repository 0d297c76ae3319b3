//! Keyswitches of a whole layer at once, as one product of digits with the key.
//!
//! A ciphertext under a large key is cut into digits. The encryptions of the large key's bits under the
//! small key, `2^(32 - base_log l) s_i` for each level l, are added up as often as the digits say
//! (Chillotti et al. 2020, section 4.1). The result has the noise of the key, far above `2^-32`, so the
//! key's elements have 32 bits. Half of what a mask loses when it is cut goes into the body, because a key's
//! bits are 1/2 on average (mean compensation, see [`keyswitch_rounding_variance`]).
//!
//! [`keyswitch_rounding_variance`]: fhe_nn_proof::noise::keyswitch_rounding_variance
//!
//! The key is cut into tiles of [`TILE`] columns. A part of a tile that fits a core's cache serves all
//! ciphertexts before the next one comes.

use fhe_nn_proof::noise::Decomposition;
use rayon::prelude::*;

use super::fourier::digit_offset;
use crate::lanes::{Kernel, Lanes, Processor};
use crate::wire::Ciphertexts;

/// Number of columns of a tile.
const TILE: usize = 32;
/// Number of ciphertexts whose sums stay in registers.
const GROUP: usize = 8;
/// Number of digits that are in memory at once, 32 MB.
const AT_ONCE: usize = 1 << 23;
/// Number of rows of a part: 64 kB.
const PART: usize = 512;

/// The encryptions of a large key's bits under a small key.
pub(crate) struct KeyswitchKey {
    input_dimension: usize,
    output_dimension: usize,
    digits: Decomposition,
    processor: Processor,
    /// The elements, tile by tile and row by row. The last columns are filled up with zeros.
    tiles: Vec<[u32; TILE]>,
}

impl KeyswitchKey {
    /// Makes a key from its rows, of `output_dimension + 1` elements each. Every bit of the large key has
    /// one row for each level, from the least significant on.
    pub(crate) fn new(
        input_dimension: usize,
        output_dimension: usize,
        digits: Decomposition,
        rows: &[u32],
    ) -> Self {
        let size = output_dimension + 1;
        let count = rows.len() / size;
        let mut tiles = vec![[0; TILE]; size.div_ceil(TILE) * count];
        for (t, tile) in tiles.chunks_exact_mut(count).enumerate() {
            for (to, row) in tile.iter_mut().zip(rows.chunks_exact(size)) {
                let columns = &row[t * TILE..size.min((t + 1) * TILE)];
                to[..columns.len()].copy_from_slice(columns);
            }
        }
        KeyswitchKey {
            input_dimension,
            output_dimension,
            digits,
            processor: Processor::detect(),
            tiles,
        }
    }

    /// Switches ciphertexts to the small key.
    pub(crate) fn switch(&self, values: &Ciphertexts) -> Ciphertexts {
        let some = values.split(self.at_once());
        Ciphertexts::concat(some.map(|values| self.switch_some(&values)))
    }

    /// Returns the number of ciphertexts that are switched at once.
    fn at_once(&self) -> usize {
        let digits = self.input_dimension * self.digits.levels as usize;
        (AT_ONCE / digits / GROUP).max(1) * GROUP
    }

    fn switch_some(&self, values: &Ciphertexts) -> Ciphertexts {
        let rows = self.input_dimension * self.digits.levels as usize;
        let count = values.len().next_multiple_of(GROUP);
        let mut digits = vec![0u32; count * rows];
        digits
            .par_chunks_exact_mut(rows)
            .zip(values.par_rows())
            .for_each(|(digits, row)| self.cut(&row[..self.input_dimension], digits));
        let tiles: Vec<Vec<[u32; TILE]>> = self
            .tiles
            .par_chunks_exact(rows)
            .with_max_len(1)
            .map(|tile| {
                let mut sums = vec![[0; TILE]; count];
                self.processor.run(Product {
                    tile,
                    digits: &digits,
                    sums: &mut sums,
                });
                sums
            })
            .collect();
        let mut switched = Ciphertexts::zero(self.output_dimension, values.len());
        let bodies = values.par_rows().map(|row| {
            let (mask, body) = row.split_at(self.input_dimension);
            body[0].wrapping_add(self.half_of_errors(mask))
        });
        switched
            .par_rows_mut()
            .zip(bodies)
            .enumerate()
            .for_each(|(j, (to, body))| {
                for (to, tile) in to.chunks_mut(TILE).zip(&tiles) {
                    for (to, &from) in to.iter_mut().zip(&tile[j]) {
                        *to = u64::from(from) << 32;
                    }
                }
                let last = &mut to[self.output_dimension];
                *last = last.wrapping_add(body.wrapping_add(1 << 31) >> 32 << 32);
            });
        switched
    }

    /// Returns half of the errors, rounded less exact, with which a mask is cut.
    fn half_of_errors(&self, mask: &[u64]) -> u64 {
        let Decomposition { base_log, levels } = self.digits;
        let (added, cut) = (digit_offset(self.digits), 64 - base_log * levels);
        let low = (1u64 << cut) - 1;
        let half =
            |x: &u64| ((1u64 << cut >> 1).wrapping_sub(x.wrapping_add(added) & low)) as i64 / 2;
        mask.iter().map(half).fold(0i64, i64::wrapping_add) as u64
    }

    /// Cuts a mask into digits, from the least significant on, in the order of the key's rows.
    fn cut(&self, mask: &[u64], digits: &mut [u32]) {
        let Decomposition { base_log, levels } = self.digits;
        let (added, half) = (digit_offset(self.digits), 1u32 << (base_log - 1));
        for (&x, digits) in mask.iter().zip(digits.chunks_exact_mut(levels as usize)) {
            let x = x.wrapping_add(added);
            for (digit, level) in digits.iter_mut().rev().zip(1..) {
                let shifted = (x >> (64 - base_log * level)) as u32 & ((1 << base_log) - 1);
                *digit = shifted.wrapping_sub(half);
            }
        }
    }
}

/// The product `sums -= digits x tile`. Each ciphertext has as many digits as the tile has rows.
struct Product<'a> {
    tile: &'a [[u32; TILE]],
    digits: &'a [u32],
    sums: &'a mut [[u32; TILE]],
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.tile.len();
        for (index, part) in self.tile.chunks(PART).enumerate() {
            let groups = self.digits.chunks_exact(GROUP * rows);
            for (digits, sums) in groups.zip(self.sums.as_chunks_mut::<GROUP>().0) {
                let mut registers = [[lanes.zero_halves(); 2]; GROUP];
                for (register, sum) in registers.iter_mut().zip(sums.iter()) {
                    let (low, high) = halves(sum);
                    *register = [lanes.load_halves(low), lanes.load_halves(high)];
                }
                let digits = &digits[index * PART..];
                for (r, row) in part.iter().enumerate() {
                    let (low, high) = halves(row);
                    let (low, high) = (lanes.load_halves(low), lanes.load_halves(high));
                    for (j, register) in registers.iter_mut().enumerate() {
                        let digit = digits[j * rows + r];
                        *register = [
                            lanes.negate_mul_add_halves(digit, low, register[0]),
                            lanes.negate_mul_add_halves(digit, high, register[1]),
                        ];
                    }
                }
                for (register, sum) in registers.iter().zip(sums) {
                    let (low, high) = sum.split_at_mut(TILE / 2);
                    store(lanes, low, register[0]);
                    store(lanes, high, register[1]);
                }
            }
        }
    }
}

#[inline(always)]
fn halves(row: &[u32; TILE]) -> (&[u32; TILE / 2], &[u32; TILE / 2]) {
    let (low, high) = row.split_at(TILE / 2);
    (
        low.try_into().expect("half of a tile"),
        high.try_into().expect("half of a tile"),
    )
}

#[inline(always)]
fn store<L: Lanes>(lanes: L, to: &mut [u32], x: L::H) {
    lanes.store_halves(to.try_into().expect("half of a tile"), x);
}

#[cfg(test)]
mod tests {
    use tfhe::core_crypto::prelude::*;

    use super::*;
    use crate::masks::modulus;

    const DIGITS: Decomposition = Decomposition {
        base_log: 4,
        levels: 3,
    };

    /// A key without noise shows what the digits add up to. (They themselves may differ: a digit of
    /// half a base is as good as its negative with a carry.)
    #[test]
    fn a_layer_is_switched_as_tfhe_switches_each_ciphertext_but_for_what_a_mask_loses() {
        let (from, to) = (700, 45);
        let mut state = 1u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ state >> 29
        };
        let large: Vec<u64> = (0..from).map(|_| random() >> 63).collect();
        let small: Vec<u32> = (0..to).map(|_| (random() >> 63) as u32).collect();
        let mut rows = Vec::new();
        for &bit in &large {
            for level in (1..=DIGITS.levels).rev() {
                let mask: Vec<u32> = (0..to).map(|_| random() as u32).collect();
                let message = (bit as u32) << (32 - DIGITS.base_log * level);
                let body = phase(&mask, &small).wrapping_neg().wrapping_add(message);
                rows.extend(mask);
                rows.push(body);
            }
        }
        let ours = KeyswitchKey::new(from, to, DIGITS, &rows);
        let others = Processor::all().into_iter().map(|processor| KeyswitchKey {
            processor,
            ..KeyswitchKey::new(from, to, DIGITS, &rows)
        });
        let others: Vec<KeyswitchKey> = others.collect();
        let theirs = LweKeyswitchKey::from_container(
            rows,
            DecompositionBaseLog(DIGITS.base_log as usize),
            DecompositionLevelCount(DIGITS.levels as usize),
            LweDimension(to).to_lwe_size(),
            CiphertextModulus::<u32>::new_native(),
        );
        // a group and a rest
        let values = Ciphertexts::new(from, (0..11 * (from + 1)).map(|_| random()).collect());
        let switched = ours.switch(&values);
        for other in others {
            assert_eq!(other.switch(&values), switched, "{:?}", other.processor);
        }
        for (row, to) in values.rows().zip(switched.rows()) {
            let from = LweCiphertext::from_container(row, modulus());
            let mut expected = LweCiphertext::new(
                0u32,
                theirs.output_key_lwe_dimension().to_lwe_size(),
                CiphertextModulus::new_native(),
            );
            keyswitch_lwe_ciphertext_with_scalar_change(&theirs, &from, &mut expected);
            let to: Vec<u32> = to.iter().map(|x| (x >> 32) as u32).collect();
            // half of what the mask loses is in the body
            let unit = 64 - DIGITS.base_log * DIGITS.levels;
            let error = |x: &u64| {
                let rounded = x.wrapping_add(1 << (unit - 1)) >> unit << unit;
                i128::from(rounded.wrapping_sub(*x) as i64)
            };
            let (mask, _) = row.split_at(values.dimension());
            let half = (mask.iter().map(error).sum::<i128>() >> 33) as u32;
            // tfhe rounds the body down, and we round it to the nearest
            let expected = phase(expected.as_ref(), &small).wrapping_add(half);
            let difference = phase(&to, &small).wrapping_sub(expected);
            assert!(difference <= 2, "{difference}");
        }
    }

    /// Returns the body less the mask times the key. For a mask alone, the body is 0.
    fn phase(ciphertext: &[u32], key: &[u32]) -> u32 {
        let products = ciphertext.iter().zip(key).map(|(a, s)| a.wrapping_mul(*s));
        let body = ciphertext.get(key.len()).copied().unwrap_or(0);
        products.fold(body, u32::wrapping_sub)
    }
}
