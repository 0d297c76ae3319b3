//! Expands the keys that travelled: draws masks from seeds, and transforms bootstrapping keys.

use fhe_nn_proof::plan::Bootstrap;
use rayon::prelude::*;
use tfhe::core_crypto::commons::math::random::Seed;

use super::fourier::{FourierKey, Layout, StepWriter};
use super::keyswitch::KeyswitchKey;
use crate::Error;
use crate::masks::{Row, Stream, part_seeds, rows};
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
    let bodies: Vec<u32> = bodies.collect();
    let (from, to, masks) = (key.from as usize, key.to as usize, Stream::new(seed));
    let mut rows = vec![0; bodies.len() * (to + 1)];
    rows.par_chunks_exact_mut(to + 1)
        .zip(bodies)
        .enumerate()
        .for_each(|(index, (row, body))| {
            masks.fill_halves(index * to, &mut row[..to]);
            row[to] = body;
        });
    Ok(KeyswitchKey::new(from, to, key.digits, &rows))
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
                    write(&mut step, index, key, restore(bodies, bytes), mask);
                }
            });
    }
    Ok(transformed)
}

/// Transforms ciphertext `index` of a step, whose masks are drawn from a seed, and writes it.
fn write(
    step: &mut StepWriter<'_>,
    index: usize,
    key: &Bootstrap,
    bodies: impl Iterator<Item = u64>,
    seed: Seed,
) {
    let size = key.shape.polynomial_size as usize;
    let masks = key.shape.dimension as usize * size;
    let mut ciphertext = vec![0; masks + size];
    let (stream, mut bodies) = (Stream::new(seed.0), bodies);
    for (number, Row { column, level, .. }) in rows(key).enumerate() {
        stream.fill(number * masks, &mut ciphertext[..masks]);
        for (coefficient, body) in ciphertext[masks..].iter_mut().zip(&mut bodies) {
            *coefficient = body;
        }
        // those of a polynomial stand together, from the most significant digit on
        let row = column * key.digits.levels as usize + (level as usize - 1);
        for (column, coefficients) in ciphertext.chunks_exact(size).enumerate() {
            step.write(index, row, column, coefficients);
        }
    }
}

fn layout(key: &Bootstrap) -> Layout {
    Layout {
        columns: key.shape.dimension as usize + 1,
        size: key.shape.polynomial_size as usize,
        digits: key.product_digits(),
        key_bits: key.key_bits as usize,
    }
}
