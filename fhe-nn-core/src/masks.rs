//! Ciphertexts of tfhe whose masks are drawn from a seed. The client fills in their bodies, and the server
//! draws their masks.

use fhe_nn_proof::plan::Bootstrap;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

use crate::wire::Keyswitch;

/// Returns the modulus of every ciphertext, `2^64`.
pub(crate) fn modulus() -> CiphertextModulus<u64> {
    CiphertextModulus::new_native()
}

/// Draws a seed for each of `count` parts of a key from the key's own seed.
pub(crate) fn part_seeds(seed: u128, count: usize) -> Vec<Seed> {
    let mut seeder = DeterministicSeeder::<DefaultRandomGenerator>::new(Seed(seed));
    (0..count).map(|_| seeder.seed()).collect()
}

/// Makes the GGSW ciphertext of one bit of a bootstrapping key.
pub(crate) fn seeded_ggsw(
    key: &Bootstrap,
    bodies: Vec<u64>,
    mask: Seed,
) -> SeededGgswCiphertextOwned<u64> {
    SeededGgswCiphertext::from_container(
        bodies,
        GlweDimension(key.shape.dimension as usize).to_glwe_size(),
        PolynomialSize(key.shape.polynomial_size as usize),
        DecompositionBaseLog(key.digits.base_log as usize),
        mask.into(),
        modulus(),
    )
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
