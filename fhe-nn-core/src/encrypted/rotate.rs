//! Lookups: one blind rotation for each accumulator, in batches.

use std::ops::Range;

use fhe_nn_proof::plan::Stage;
use fhe_nn_proof::widths::Lattice;
use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;

use super::execution::Watch;
use super::fourier::{FourierKey, Layout};
use super::switch::switch_modulus;
use super::{Ciphertexts, modulus};
use crate::Error;
use crate::graph::LookupOp;

/// Rotations of a batch at most: beyond, nothing is gained (DESIGN.md has the figures), and progress
/// is told more rarely.
const MAX_BATCH: usize = 48;

/// Looks up every accumulator of every image, one image behind the other; within an image the values
/// of phase q come behind all those of phase q - 1.
///
/// # Errors
/// [`Error::Cancelled`].
pub(super) fn lookup(
    op: &LookupOp<'_>,
    lattices: &[Lattice],
    stage: &Stage,
    key: &FourierKey,
    accumulators: &Ciphertexts,
    watch: &Watch<'_>,
) -> Result<Ciphertexts, Error> {
    let (count, neurons, phases) = (accumulators.len(), op.widths.len(), stage.phases as usize);
    let tables = Tables {
        op,
        lattices,
        stage,
        extension: 1,
    };
    // as many batches for every thread, and all of a size
    let round = MAX_BATCH * rayon::current_num_threads();
    let batches = count.div_ceil(round) * rayon::current_num_threads();
    let batch = count.div_ceil(batches.max(1)).max(1);
    let rotated: Vec<Vec<[u64; 8]>> = (0..count.div_ceil(batch))
        .into_par_iter()
        .with_max_len(1)
        .map(|index| {
            let indices = index * batch..count.min((index + 1) * batch);
            let rotated = tables.rotate(key, accumulators, indices.clone(), watch)?;
            watch.done(indices.len());
            Ok(rotated)
        })
        .collect::<Result<_, Error>>()?;
    let (words, size) = (
        tables.extension * key.layout().accumulator_words(),
        tables.extension * key.layout().size,
    );
    let dimension = stage.shape.lwe_dimension() as usize;
    let mut values = Ciphertexts::zero(dimension, count * phases);
    values.par_rows_mut().enumerate().for_each(|(index, row)| {
        let (image, value) = (index / (neurons * phases), index % (neurons * phases));
        let (q, j) = (value / neurons, image * neurons + value % neurons);
        let accumulator = &rotated[j / batch][(j % batch) * words..][..words];
        extract(key.layout(), accumulator, q * size / phases, row);
    });
    Ok(values)
}

/// What a stage looks up.
struct Tables<'a> {
    op: &'a LookupOp<'a>,
    lattices: &'a [Lattice],
    stage: &'a Stage,
    /// Parts of an accumulator: a table has as many times N entries.
    extension: usize,
}

impl Tables<'_> {
    /// One batch: the rotated accumulators, one behind the other.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    fn rotate(
        &self,
        key: &FourierKey,
        accumulators: &Ciphertexts,
        indices: Range<usize>,
        watch: &Watch<'_>,
    ) -> Result<Vec<[u64; 8]>, Error> {
        let (size, neurons) = (self.extension * key.layout().size, self.op.widths.len());
        let switched: Vec<(Vec<usize>, usize)> = indices
            .clone()
            .map(|index| to_powers(accumulators.row(index), size))
            .collect();
        let words = self.extension * key.layout().accumulator_words();
        let mut rotated = vec![[0u64; 8]; words * indices.len()];
        let mut table = vec![0u64; size];
        let tables = rotated.chunks_exact_mut(words).zip(&switched).zip(indices);
        for ((accumulator, (_, body)), index) in tables {
            self.fill(&mut table, index % neurons);
            turn_back(&mut table, *body);
            scatter(key.layout(), &table, accumulator);
        }
        let masks: Vec<&[usize]> = switched.iter().map(|(mask, _)| &mask[..]).collect();
        match key.rotate(self.extension, &masks, &mut rotated, &|| watch.stopped()) {
            true => Ok(rotated),
            false => Err(Error::Cancelled),
        }
    }

    /// The table of neuron `j` as a polynomial: coefficient c is what a phase of `c / 2N` reads.
    ///
    /// The torus holds `2^M` steps of the accumulator, so a step is `2N / 2^M` coefficients wide, and
    /// the neighbours of a value that it can have are `2^step_bits` steps away. Every coefficient reads
    /// the nearest of these, for noise of either sign; values that the accumulator cannot have need
    /// no room.
    fn fill(&self, polynomial: &mut [u64], j: usize) {
        let (op, lattice) = (self.op, self.lattices[j]);
        let step = (2 * polynomial.len()) >> self.stage.reader.modulus_bits(op.widths[j]);
        let shift = 64 - self.stage.output_modulus_bits;
        let (first, distance) = (
            step as i64 * lattice.offset,
            (step as i64) << lattice.step_bits,
        );
        let nearest = |c: i64| (c - first + distance / 2).div_euclid(distance);
        let entry = |x: i64| {
            let value = lattice.offset + (x << lattice.step_bits);
            (op.entry(j, value) as u64).wrapping_shl(shift)
        };
        let (mut x, mut value) = (nearest(0), entry(nearest(0)));
        for (coefficient, c) in polynomial.iter_mut().zip(0..) {
            if nearest(c) != x {
                (x, value) = (nearest(c), entry(nearest(c)));
            }
            *coefficient = value;
        }
    }
}

/// A ciphertext after the centered modulus switch to `2N`: mask and body as powers of X.
pub(super) fn to_powers(ciphertext: &[u64], size: usize) -> (Vec<usize>, usize) {
    let bits = (2 * size).ilog2();
    let mut switched = ciphertext.to_vec();
    switch_modulus(&mut switched, bits);
    let power = |x: &u64| (x >> (64 - bits)) as usize;
    let mut powers: Vec<usize> = switched.iter().map(power).collect();
    let body = powers.pop().unwrap_or(0);
    (powers, body)
}

/// Multiplies a polynomial by `X^-power`, for powers below 2N.
pub(super) fn turn_back(polynomial: &mut [u64], power: usize) {
    let size = polynomial.len();
    let shift = power % size;
    polynomial.rotate_left(shift);
    // what wrapped around changes its sign, and beyond X^N the others
    let (moved, wrapped) = polynomial.split_at_mut(size - shift);
    let negative = if power < size { wrapped } else { moved };
    for x in negative {
        *x = x.wrapping_neg();
    }
}

/// Writes a polynomial into the bodies of an accumulator: each part has every v-th coefficient, if
/// there are v.
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

/// The coefficient of this degree of an accumulator, as a ciphertext: with v parts, that of degree
/// `degree / v` of part `degree % v`.
pub(super) fn extract(layout: &Layout, accumulator: &[[u64; 8]], degree: usize, row: &mut [u64]) {
    let words = layout.accumulator_words();
    let extension = accumulator.len() / words;
    let part = accumulator[degree % extension * words..][..words].as_flattened();
    let part = GlweCiphertext::from_container(part, PolynomialSize(layout.size), modulus());
    let mut value = LweCiphertext::from_container(row, modulus());
    extract_lwe_sample_from_glwe_ciphertext(&part, &mut value, MonomialDegree(degree / extension));
}
