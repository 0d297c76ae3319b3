//! Lookups: one blind rotation for each accumulator, in batches.
//!
//! The bootstrapping key is larger than any cache, so a batch of rotations passes over it together.

use fhe_nn_proof::plan::Stage;
use fhe_nn_proof::widths::Lattice;
use rayon::prelude::*;
use tfhe::core_crypto::fft_impl::fft64::crypto::bootstrap::batch_blind_rotate_assign_scratch;
use tfhe::core_crypto::fft_impl::fft64::math::fft::Fft;
use tfhe::core_crypto::prelude::*;

use super::{Ciphertexts, modulus};
use crate::graph::LookupOp;
use crate::keys::StageKey;

/// Rotations of a batch at most: beyond, the ciphertexts themselves leave the cache.
const MAX_BATCH: usize = 16;

/// Looks up every accumulator; the values of phase q come behind all those of phase q - 1.
pub(super) fn lookup(
    op: &LookupOp<'_>,
    lattices: &[Lattice],
    stage: &Stage,
    key: &StageKey,
    accumulators: &Ciphertexts,
) -> Ciphertexts {
    let (neurons, phases) = (accumulators.len(), stage.phases as usize);
    let batch = neurons
        .div_ceil(rayon::current_num_threads())
        .clamp(1, MAX_BATCH);
    let rotated: Vec<Vec<u64>> = (0..neurons.div_ceil(batch))
        .into_par_iter()
        .map(|index| {
            let neurons = index * batch..neurons.min((index + 1) * batch);
            rotate(op, lattices, stage, key, accumulators, neurons)
        })
        .collect();
    let size = stage.shape.lwe_dimension() as usize + 1;
    let mut values = Ciphertexts::zero(size - 1, neurons * phases);
    values.par_rows_mut().enumerate().for_each(|(index, row)| {
        let (q, j) = (index / neurons, index % neurons);
        let from = &rotated[j / batch][((j % batch) * phases + q) * size..][..size];
        row.copy_from_slice(from);
    });
    values
}

/// One batch: the extracted ciphertexts of each neuron, phase by phase.
fn rotate(
    op: &LookupOp<'_>,
    lattices: &[Lattice],
    stage: &Stage,
    key: &StageKey,
    accumulators: &Ciphertexts,
    neurons: std::ops::Range<usize>,
) -> Vec<u64> {
    let glwe_size = GlweDimension(stage.shape.dimension as usize).to_glwe_size();
    let polynomial_size = PolynomialSize(stage.shape.polynomial_size as usize);
    let count = GlweCiphertextCount(neurons.len());
    let mut tables = GlweCiphertextList::new(0u64, glwe_size, polynomial_size, count, modulus());
    for (mut table, j) in tables.iter_mut().zip(neurons.clone()) {
        fill_table(table.get_mut_body().as_mut(), op, lattices[j], stage, j);
    }
    let switched: Vec<Switched> = accumulators
        .rows()
        .skip(neurons.start)
        .take(neurons.len())
        .map(|row| Switched::new(row, polynomial_size))
        .collect();
    let fft = Fft::new(polynomial_size);
    let mut buffers = ComputationBuffers::new();
    let scratch = batch_blind_rotate_assign_scratch::<u64>(
        glwe_size,
        polynomial_size,
        CiphertextCount(neurons.len()),
        fft.as_view(),
    );
    buffers.resize(scratch.unaligned_bytes_required());
    let stack = buffers.stack();
    let view = tables.as_mut_view();
    key.bootstrap
        .as_view()
        .batch_blind_rotate_assign(view, &switched, fft.as_view(), stack);

    let (phases, size) = (
        stage.phases as usize,
        stage.shape.lwe_dimension() as usize + 1,
    );
    let mut values = vec![0u64; neurons.len() * phases * size];
    for (row, index) in values.chunks_exact_mut(size).zip(0..) {
        let (neuron, q): (usize, usize) = (index / phases, index % phases);
        let mut value = LweCiphertext::from_container(row, modulus());
        let degree = MonomialDegree(q * polynomial_size.0 / phases);
        extract_lwe_sample_from_glwe_ciphertext(&tables.get(neuron), &mut value, degree);
    }
    values
}

/// The table of neuron `j` as a polynomial: coefficient c is what a phase of `c / 2N` reads.
///
/// The torus holds `2^M` steps of the accumulator, so a step is `2N / 2^M` coefficients wide, and the
/// neighbours of a value that it can have are `2^step_bits` steps away. Every coefficient reads the
/// nearest of these, for noise of either sign; values that the accumulator cannot have need no room.
fn fill_table(
    polynomial: &mut [u64],
    op: &LookupOp<'_>,
    lattice: Lattice,
    stage: &Stage,
    j: usize,
) {
    let step = (2 * polynomial.len()) >> stage.reader.modulus_bits(op.widths[j]);
    let shift = 64 - stage.output_modulus_bits;
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

/// A ciphertext after the centered modulus switch to `2N`. tfhe's own is lazy and computes an
/// element again each time that it is asked for, from the first one on.
pub(super) struct Switched {
    mask: Vec<usize>,
    body: usize,
    log_modulus: CiphertextModulusLog,
}

impl Switched {
    pub(super) fn new(row: &[u64], polynomial_size: PolynomialSize) -> Self {
        let log_modulus = polynomial_size.to_blind_rotation_input_modulus_log();
        let lwe = LweCiphertext::from_container(row, modulus());
        let lazy = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(lwe, log_modulus);
        Switched {
            mask: lazy.mask().collect(),
            body: lazy.body(),
            log_modulus,
        }
    }
}

impl ModulusSwitchedLweCiphertext<usize> for Switched {
    fn log_modulus(&self) -> CiphertextModulusLog {
        self.log_modulus
    }

    fn lwe_dimension(&self) -> LweDimension {
        LweDimension(self.mask.len())
    }

    fn body(&self) -> usize {
        self.body
    }

    fn mask(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.mask.iter().copied()
    }
}
