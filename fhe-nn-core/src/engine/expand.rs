//! Expands the keys that travelled: draws masks from seeds, and transforms bootstrapping keys.

use fhe_nn_proof::plan::Bootstrap;
use rayon::prelude::*;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

use super::fourier::{FourierKey, Layout, StepWriter};
use super::keyswitch::KeyswitchKey;
use crate::Error;
use crate::masks::{modulus, part_seeds, seeded_ggsw, seeded_keyswitch};
use crate::wire::{Keyswitch, bootstrap_bytes, restore};

/// Expands a keyswitching key. `read` fills in the bodies that travelled.
///
/// # Errors
/// Those of `read`.
pub(super) fn keyswitch(
    key: &Keyswitch,
    seed: u128,
    read: impl FnOnce(&mut [u8]) -> Result<(), Error>,
) -> Result<KeyswitchKey, Error> {
    let bytes = key.body_bytes as usize;
    let mut bodies = vec![0; key.bodies() * bytes];
    read(&mut bodies)?;
    let bodies = restore(&bodies, bytes).map(|body| (body >> 32) as u32);
    let expanded = seeded_keyswitch(key, bodies.collect(), Seed(seed))
        .as_view()
        .par_decompress_into_lwe_keyswitch_key();
    let (from, to) = (key.from as usize, key.to as usize);
    Ok(KeyswitchKey::new(from, to, key.digits, expanded.as_ref()))
}

/// The greatest number of GGSW ciphertexts whose bodies are in memory at once.
const AT_ONCE: usize = 64;

/// Expands a bootstrapping key: draws the masks from their seeds and transforms every ciphertext. It takes
/// some ciphertexts at a time, so that there is never a second copy of the whole key. `read` fills in what
/// travelled, piece by piece.
///
/// # Errors
/// Those of `read`.
pub(super) fn bootstrap(
    key: &Bootstrap,
    seed: u128,
    mut read: impl FnMut(&mut [u8]) -> Result<(), Error>,
) -> Result<FourierKey, Error> {
    let (bytes, all) = (key.body_bytes() as usize, key.key_ciphertexts() as usize);
    let layout = layout(key);
    let mut transformed = FourierKey::zero(layout, all);
    let (one, of_step) = (bootstrap_bytes(key) / all, layout.step_ciphertexts());
    let masks = part_seeds(seed, all);
    // whole steps
    let at_once = AT_ONCE / of_step * of_step;
    let mut bodies = vec![0; one * at_once.min(all)];
    for first in (0..all).step_by(at_once) {
        let some = first..all.min(first + at_once);
        let bodies = &mut bodies[..one * some.len()];
        read(bodies)?;
        transformed
            .steps_mut(some.clone())
            .zip(bodies.par_chunks(one * of_step))
            .zip(masks[some].par_chunks(of_step))
            .for_each(|((mut step, bodies), masks)| {
                for (index, (bodies, &mask)) in bodies.chunks(one).zip(masks).enumerate() {
                    let bodies = restore(bodies, bytes).collect();
                    write(&mut step, index, &layout, &seeded_ggsw(key, bodies, mask));
                }
            });
    }
    Ok(transformed)
}

/// Transforms ciphertext `index` of a step with its masks, and writes it.
fn write(
    step: &mut StepWriter<'_>,
    index: usize,
    layout: &Layout,
    seeded: &SeededGgswCiphertextOwned<u64>,
) {
    let mut ciphertext = GgswCiphertext::new(
        0u64,
        seeded.glwe_size(),
        seeded.polynomial_size(),
        seeded.decomposition_base_log(),
        seeded.decomposition_level_count(),
        modulus(),
    );
    decompress_seeded_ggsw_ciphertext::<_, _, _, DefaultRandomGenerator>(&mut ciphertext, seeded);
    let rows = ciphertext
        .as_ref()
        .chunks_exact(layout.columns * layout.size);
    for (place, row) in rows.enumerate() {
        // tfhe's rows begin with the least significant digit of every polynomial
        let (level, polynomial) = (place / layout.columns, place % layout.columns);
        let levels = layout.levels as usize;
        let row_index = polynomial * levels + (levels - 1 - level);
        for (column, coefficients) in row.chunks_exact(layout.size).enumerate() {
            step.write(index, row_index, column, coefficients);
        }
    }
}

fn layout(key: &Bootstrap) -> Layout {
    Layout {
        columns: key.shape.dimension as usize + 1,
        size: key.shape.polynomial_size as usize,
        base_log: key.digits.base_log,
        levels: key.digits.levels,
        key_bits: key.key_bits as usize,
    }
}
