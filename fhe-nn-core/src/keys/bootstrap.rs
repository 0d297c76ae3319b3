//! Bootstrapping keys: how they are made, and how a server expands them.

use fhe_nn_proof::noise::{Decomposition, Shape};
use fhe_nn_proof::plan::Bootstrap;
use rayon::prelude::*;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::{Seed, Seeder};
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::secret::{Secret, noise};
use super::seeded::{Seeded, cut, part_seeds, restore};
use crate::encrypted::{FourierKey, Layout, StepWriter, modulus};

/// A GGSW ciphertext of every bit of the small key under the large one, each with masks from a seed
/// of its own.
pub(super) fn generate(
    key: &Bootstrap,
    small: &Secret,
    large: &Secret,
    seeder: &mut dyn Seeder,
) -> Seeded {
    let bytes = key.body_bytes() as usize;
    let mut bodies = vec![0; key.key_bytes() as usize];
    let seed = seeder.seed().0;
    let size = PolynomialSize(key.shape.polynomial_size as usize);
    let large = GlweSecretKey::from_container(large.bits(), size);
    let fresh = noise(key.shape.lwe_dimension());
    let masks = part_seeds(seed, small.bits().len());
    // who knows the noise knows the key
    let noises: Zeroizing<Vec<u128>> =
        Zeroizing::new(masks.iter().map(|_| seeder.seed().0).collect());
    let part = bodies.len() / masks.len();
    bodies
        .par_chunks_exact_mut(part)
        .zip(small.bits())
        .zip(masks.par_iter().zip(noises.par_iter()))
        .for_each(|((to, &bit), (&mask, &noise))| {
            let mut ciphertext = seeded_ggsw(key, vec![0; part / bytes], mask);
            encrypt_constant_seeded_ggsw_ciphertext(
                &large,
                &mut ciphertext,
                Cleartext(bit),
                fresh,
                &mut DeterministicSeeder::<DefaultRandomGenerator>::new(Seed(noise)),
            );
            cut(ciphertext.as_ref(), bytes, to);
        });
    Seeded { seed, bodies }
}

/// GGSW ciphertexts whose bodies are in memory at once.
const AT_ONCE: usize = 64;

/// Draws the masks from their seeds and transforms every ciphertext, some at a time: there is never a
/// second copy of the whole key. `read` fills in what travelled, piece by piece.
///
/// # Errors
/// Those of `read`.
pub(super) fn expand<E>(
    key: &Bootstrap,
    seed: u128,
    mut read: impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<FourierKey, E> {
    let (bytes, n) = (key.body_bytes() as usize, key.small_dimension as usize);
    let layout = layout(key.shape, key.digits);
    let mut transformed = FourierKey::zero(layout, n);
    let one = key.key_bytes() as usize / n;
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

/// Writes a GGSW ciphertext with its masks, transformed.
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
        // tfhe's rows: the least significant digit of every polynomial first
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

fn seeded_ggsw(key: &Bootstrap, bodies: Vec<u64>, mask: Seed) -> SeededGgswCiphertextOwned<u64> {
    SeededGgswCiphertext::from_container(
        bodies,
        GlweDimension(key.shape.dimension as usize).to_glwe_size(),
        PolynomialSize(key.shape.polynomial_size as usize),
        DecompositionBaseLog(key.digits.base_log as usize),
        mask.into(),
        modulus(),
    )
}
