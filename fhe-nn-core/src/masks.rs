//! What both halves know of keys whose masks are drawn from seeds: their words, and the order of their rows.

mod stream;

use fhe_nn_proof::noise::ProductDigits;
use fhe_nn_proof::plan::Bootstrap;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

pub(crate) use stream::Stream;

/// Returns the modulus of every ciphertext, `2^64`.
pub(crate) fn modulus() -> CiphertextModulus<u64> {
    CiphertextModulus::new_native()
}

/// Draws a seed for each of `count` parts of a key from the key's own seed.
pub(crate) fn part_seeds(seed: u128, count: usize) -> Vec<Seed> {
    let mut seeder = DeterministicSeeder::<DefaultRandomGenerator>::new(Seed(seed));
    (0..count).map(|_| seeder.seed()).collect()
}

/// A row of a GGSW ciphertext: what one digit of one polynomial is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// Index of the polynomial: a mask, or k for the body.
    pub(crate) column: usize,
    /// Which digit, from 1 for the most significant.
    pub(crate) level: u32,
    /// The place value of the digit on the torus.
    pub(crate) place: u64,
}

/// Returns the rows of every GGSW ciphertext of a key in the order in which they travel: from the least
/// significant digit on, and for each digit all masks before the body.
pub(crate) fn rows(key: &Bootstrap) -> impl Iterator<Item = Row> {
    let ProductDigits { masks, body } = key.product_digits();
    let dimension = key.shape.dimension as usize;
    (0..masks.levels).flat_map(move |index| {
        (0..=dimension).filter_map(move |column| {
            let digits = if column < dimension { masks } else { body };
            // a body may have fewer digits than a mask
            let level = digits
                .levels
                .checked_sub(index)
                .filter(|&level| level > 0)?;
            let place = 1 << (64 - digits.base_log * level);
            Some(Row {
                column,
                level,
                place,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::noise::{Decomposition, Shape};

    use super::*;

    #[test]
    fn rows_go_from_the_least_significant_digit_on() {
        let bootstrap = |body| Bootstrap {
            keyswitch: None,
            small_dimension: 500,
            shape: Shape {
                dimension: 2,
                polynomial_size: 1024,
            },
            extension: 1,
            digits: Decomposition {
                base_log: 15,
                levels: 2,
            },
            body,
            key_bits: 1,
            companion: 0,
        };
        let row = |column, level, bit: u32| Row {
            column,
            level,
            place: 1 << bit,
        };
        let both = [
            row(0, 2, 34),
            row(1, 2, 34),
            row(2, 2, 34),
            row(0, 1, 49),
            row(1, 1, 49),
            row(2, 1, 49),
        ];
        assert!(rows(&bootstrap(None)).eq(both));
        let one = Decomposition {
            base_log: 20,
            levels: 1,
        };
        let fewer = [
            row(0, 2, 34),
            row(1, 2, 34),
            row(2, 1, 44),
            row(0, 1, 49),
            row(1, 1, 49),
        ];
        assert!(rows(&bootstrap(Some(one))).eq(fewer));
    }
}
