//! Expands the keys that travelled: draws masks from seeds, and transforms bootstrapping keys.

use fhe_nn_proof::noise::{Decomposition, Shape};
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

/// Number of GGSW ciphertexts whose bodies are in memory at once.
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
    let (bytes, n) = (key.body_bytes() as usize, key.small_dimension as usize);
    let layout = layout(key.shape, key.digits);
    let mut transformed = FourierKey::zero(layout, n);
    let one = bootstrap_bytes(key) / n;
    let masks = part_seeds(seed, n);
    let mut bodies = vec![0; one * AT_ONCE.min(n)];
    for first in (0..n).step_by(AT_ONCE) {
        let bits = first..n.min(first + AT_ONCE);
        let bodies = &mut bodies[..one * bits.len()];
        read(bodies)?;
        transformed
            .steps_mut(bits.clone())
            .zip(bodies.par_chunks_exact(one))
            .zip(&masks[bits])
            .for_each(|((step, bodies), &mask)| {
                let bodies = restore(bodies, bytes).collect();
                write(step, &layout, &seeded_ggsw(key, bodies, mask));
            });
    }
    Ok(transformed)
}

/// Transforms a GGSW ciphertext with its masks, and writes it.
fn write(mut step: StepWriter<'_>, layout: &Layout, seeded: &SeededGgswCiphertextOwned<u64>) {
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
    for (index, row) in rows.enumerate() {
        // tfhe's rows begin with the least significant digit of every polynomial
        let (level, polynomial) = (index / layout.columns, index % layout.columns);
        let levels = layout.levels as usize;
        let row_index = polynomial * levels + (levels - 1 - level);
        for (column, coefficients) in row.chunks_exact(layout.size).enumerate() {
            step.write(row_index, column, coefficients);
        }
    }
}

fn layout(shape: Shape, digits: Decomposition) -> Layout {
    Layout {
        columns: shape.dimension as usize + 1,
        size: shape.polynomial_size as usize,
        base_log: digits.base_log,
        levels: digits.levels,
    }
}
