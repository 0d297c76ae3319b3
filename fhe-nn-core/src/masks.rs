//! Keys of tfhe whose masks are drawn from seeds. The client fills in their bodies, and the server draws their masks.

mod stream;

use fhe_nn_proof::noise::ProductDigits;
use fhe_nn_proof::plan::Bootstrap;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

use crate::wire::Keyswitch;

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

/// Makes a keyswitching key modulo `2^32`.
pub(crate) fn seeded_keyswitch(
    key: &Keyswitch,
    bodies: Vec<u32>,
    seed: Seed,
) -> SeededLweKeyswitchKeyOwned<u32> {
    SeededLweKeyswitchKey::from_container(
        bodies,
        DecompositionBaseLog(key.digits.base_log as usize),
        DecompositionLevelCount(key.digits.levels as usize),
        LweDimension(key.to as usize).to_lwe_size(),
        seed.into(),
        CiphertextModulus::new_native(),
    )
}
