//! Bootstraps of many ciphertexts: a keyswitch, blind rotations in batches, and sample extraction.

use std::ops::Range;

use fhe_nn_proof::plan::Bootstrap;
use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;

use super::fourier::{FourierKey, Layout, Parts};
use super::server_key::Keys;
use super::switch::switch_to_table;
use crate::Error;
use crate::masks::modulus;
use crate::run::{Running, Work};
use crate::wire::Ciphertexts;

/// The largest number of ciphertexts of a batch, where a table that is spread over several counts as
/// several. Larger batches leave the caches.
const MAX_PARTS: usize = 128;
/// The largest number of rotations of a batch. Larger batches gain nothing (DESIGN.md has the figures), and
/// report progress more rarely.
const MAX_BATCH: usize = 48;

/// What is looked up, and where results go.
pub(super) struct Lookup<'a> {
    /// Writes the table of a ciphertext: coefficient c is what a phase of `c / 2E` reads.
    pub(super) table: &'a (dyn Fn(usize, &mut [u64]) + Sync),
    /// Number of results.
    pub(super) results: usize,
    /// Returns the ciphertext that a result comes from, and the place in its table that a phase of 0 reads.
    pub(super) source: &'a (dyn Fn(usize) -> (usize, usize) + Sync),
}

/// Keyswitches ciphertexts and looks them up.
///
/// # Errors
/// [`Error::Cancelled`].
pub(super) fn bootstrap(
    plan: &Bootstrap,
    keys: &Keys,
    ciphertexts: &Ciphertexts,
    lookup: &Lookup<'_>,
    running: &Running<'_>,
) -> Result<Ciphertexts, Error> {
    running.check()?;
    let switch = || keys.keyswitch.as_ref().map(|key| key.switch(ciphertexts));
    let switched = running.timed(Work::Keyswitch, switch);
    let switched = switched.as_ref().unwrap_or(ciphertexts);
    let rotate = || rotate(plan, &keys.bootstrap, switched, lookup, running);
    running.timed(Work::Rotation, rotate)
}

/// Looks up ciphertexts under the small key.
///
/// # Errors
/// [`Error::Cancelled`].
pub(super) fn rotate(
    plan: &Bootstrap,
    key: &FourierKey,
    ciphertexts: &Ciphertexts,
    lookup: &Lookup<'_>,
    running: &Running<'_>,
) -> Result<Ciphertexts, Error> {
    let (count, extension) = (ciphertexts.len(), plan.extension as usize);
    let places = (0..lookup.results).map(|index| (lookup.source)(index).1);
    let parts = Parts::read_at(extension, places);
    // every thread gets the same number of batches, and all batches have one size
    let threads = rayon::current_num_threads();
    let most = (MAX_PARTS / extension).clamp(1, MAX_BATCH);
    let batches = count.div_ceil(most * threads) * threads;
    let batch = count.div_ceil(batches.max(1)).max(1);
    let rotated: Vec<Vec<[u64; 8]>> = (0..count.div_ceil(batch))
        .into_par_iter()
        .with_max_len(1)
        .map(|index| {
            let indices = index * batch..count.min((index + 1) * batch);
            let own = indices.clone();
            let rotated = rotate_batch((plan, key), parts, ciphertexts, own, lookup, running)?;
            running.done(indices.len());
            Ok(rotated)
        })
        .collect::<Result<_, Error>>()?;
    let layout = key.layout();
    let words = extension * layout.accumulator_words();
    let dimension = (layout.columns - 1) * layout.size;
    let mut values = Ciphertexts::zero(dimension, lookup.results);
    values.par_rows_mut().enumerate().for_each(|(index, row)| {
        let (source, degree) = (lookup.source)(index);
        let accumulator = &rotated[source / batch][(source % batch) * words..][..words];
        extract(layout, accumulator, degree, row);
    });
    Ok(values)
}

/// Rotates one batch, and returns the rotated accumulators one after the other.
///
/// # Errors
/// [`Error::Cancelled`].
fn rotate_batch(
    (plan, key): (&Bootstrap, &FourierKey),
    parts: Parts,
    ciphertexts: &Ciphertexts,
    indices: Range<usize>,
    lookup: &Lookup<'_>,
    running: &Running<'_>,
) -> Result<Vec<[u64; 8]>, Error> {
    let layout = key.layout();
    let (size, words) = (
        parts.all * layout.size,
        parts.all * layout.accumulator_words(),
    );
    let switched: Vec<(Vec<usize>, usize)> = indices
        .clone()
        .map(|index| to_powers(ciphertexts.row(index), plan))
        .collect();
    let mut rotated = vec![[0u64; 8]; words * indices.len()];
    let mut table = vec![0u64; size];
    let tables = rotated.chunks_exact_mut(words).zip(&switched).zip(indices);
    for ((accumulator, (_, body)), index) in tables {
        (lookup.table)(index, &mut table);
        turn_back(&mut table, *body);
        scatter(layout, &table, accumulator);
    }
    let masks: Vec<&[usize]> = switched.iter().map(|(mask, _)| &mask[..]).collect();
    if key.rotate(parts, &masks, &mut rotated, &|| running.stopped()) {
        Ok(rotated)
    } else {
        Err(Error::Cancelled)
    }
}

/// Switches a ciphertext to twice the size of a table by the centered modulus switch, and returns its mask and body
/// as powers of X.
pub(super) fn to_powers(ciphertext: &[u64], plan: &Bootstrap) -> (Vec<usize>, usize) {
    let mut switched = ciphertext.to_vec();
    switch_to_table(&mut switched, plan);
    let unit = 63 - plan.table_size().ilog2();
    let power = |x: &u64| (x >> unit) as usize;
    let mut powers: Vec<usize> = switched.iter().map(power).collect();
    let body = powers.pop().unwrap_or(0);
    (powers, body)
}

/// Multiplies a polynomial by `X^-power`, for powers below 2N.
pub(super) fn turn_back(polynomial: &mut [u64], power: usize) {
    let size = polynomial.len();
    let shift = power % size;
    polynomial.rotate_left(shift);
    // what wrapped around changes its sign; beyond X^N, the other coefficients do instead
    let (moved, wrapped) = polynomial.split_at_mut(size - shift);
    let negative = if power < size { wrapped } else { moved };
    for x in negative {
        *x = x.wrapping_neg();
    }
}

/// Writes a polynomial into the bodies of an accumulator. If there are v parts, each part has every v-th
/// coefficient.
pub(super) fn scatter(layout: &Layout, polynomial: &[u64], accumulator: &mut [[u64; 8]]) {
    let words = layout.accumulator_words();
    let extension = accumulator.len() / words;
    for (part, ciphertext) in accumulator.chunks_exact_mut(words).enumerate() {
        let body = ciphertext[words - layout.size / 8..].as_flattened_mut();
        let coefficients = polynomial[part..].iter().step_by(extension);
        body.iter_mut()
            .zip(coefficients)
            .for_each(|(to, &x)| *to = x);
    }
}

/// Extracts the coefficient of this degree of an accumulator as a ciphertext. With v parts, it is the
/// coefficient of degree `degree / v` of part `degree % v`.
pub(super) fn extract(layout: &Layout, accumulator: &[[u64; 8]], degree: usize, row: &mut [u64]) {
    let words = layout.accumulator_words();
    let extension = accumulator.len() / words;
    let part = accumulator[degree % extension * words..][..words].as_flattened();
    let part = GlweCiphertext::from_container(part, PolynomialSize(layout.size), modulus());
    let mut value = LweCiphertext::from_container(row, modulus());
    extract_lwe_sample_from_glwe_ciphertext(&part, &mut value, MonomialDegree(degree / extension));
}
