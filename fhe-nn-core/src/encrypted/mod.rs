//! The encrypted backend: the same operations on LWE ciphertexts, by programmable bootstrapping.
//!
//! A value is one LWE ciphertext, whatever its width. An accumulator of `A` bits that counts modulo
//! `2^M` ([`Reader::modulus_bits`]) is a multiple of `2^-M` of the torus. Per layer:
//!
//! ```text
//! linear combination -> keyswitch -> centered modulus switch -> blind rotation -> sample extract
//! ```
//!
//! Where tables are narrower than their accumulators, the low bits of these are removed in between, by
//! bootstraps of the same kind (`lookup`).
//!
//! [`Reader::modulus_bits`]: fhe_nn_proof::widths::Reader::modulus_bits

mod fourier;
mod keyswitch;
mod lanes;
mod linear;
mod lookup;
mod rotate;
mod switch;
#[cfg(test)]
mod tests;

use fhe_nn_proof::plan::torus_step;
use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;

use crate::Error;
use crate::backend::Backend;
use crate::graph::{LinearOp, LookupOp, Read};
use crate::keys::EvaluationKey;
use crate::run::{Watch, Work};

pub(crate) use fourier::{FourierKey, Layout, StepWriter};
pub(crate) use keyswitch::KeyswitchKey;
use lookup::Stages;
use switch::switch_modulus;

/// Backend over the ciphertexts of any number of inputs at once, with all that a server knows.
pub(crate) struct Encrypted<'a> {
    key: &'a EvaluationKey,
    watch: &'a Watch<'a>,
    /// How many inputs there are.
    images: usize,
}

/// Ciphertexts under one key, one behind the other; those of one input, then those of the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ciphertexts {
    dimension: usize,
    data: Vec<u64>,
}

impl<'a> Encrypted<'a> {
    pub(crate) fn new(key: &'a EvaluationKey, watch: &'a Watch<'a>, images: usize) -> Self {
        Encrypted { key, watch, images }
    }

    /// How many units of values the torus holds that are read first by `stage`.
    fn modulus_of(&self, stage: usize) -> u64 {
        self.key.plan.moduli().nth(stage).unwrap_or(1)
    }

    /// Scores as they travel: under their own key, and of few bits.
    pub(crate) fn finish(&self, read: &Read<'_>, sums: &Ciphertexts) -> Ciphertexts {
        let accumulators = lookup::scale(sums, read, self.key.plan.output.scale);
        let switch = || {
            self.key
                .expanded()
                .output
                .as_ref()
                .map(|key| key.switch(&accumulators))
        };
        let switched = self.watch.timed(Work::Keyswitch, switch);
        let mut scores = switched.unwrap_or(accumulators);
        let bits = self.key.plan.output.element_bits;
        scores
            .par_rows_mut()
            .for_each(|row| switch_modulus(row, bits));
        scores
    }
}

impl Backend for Encrypted<'_> {
    type Values = Ciphertexts;
    type Error = Error;

    fn linear(
        &mut self,
        op: &LinearOp<'_>,
        operands: &[&Ciphertexts],
    ) -> Result<Ciphertexts, Error> {
        self.watch.check()?;
        let step = torus_step(self.modulus_of(op.stage));
        let accumulate = || linear::accumulate(op, operands, self.images, step);
        Ok(self.watch.timed(Work::Linear, accumulate))
    }

    fn lookup(&mut self, op: &LookupOp<'_>, sums: &Ciphertexts) -> Result<Ciphertexts, Error> {
        let stages = &self.key.plan.stages;
        let before = stages[..op.read.stage].iter();
        let first: usize = before.map(|stage| stage.rounds.len() + 1).sum();
        let stage = &stages[op.read.stage];
        let stages = Stages {
            op,
            stage,
            keys: &self.key.expanded().bootstraps[first..=first + stage.rounds.len()],
            next_modulus: self.modulus_of(op.next),
            watch: self.watch,
        };
        stages.run(sums)
    }
}

impl Ciphertexts {
    /// Of one row of `dimension + 1` elements for each ciphertext.
    pub(crate) fn new(dimension: usize, data: Vec<u64>) -> Self {
        assert_eq!(
            data.len() % (dimension + 1),
            0,
            "rows are whole ciphertexts"
        );
        Ciphertexts { dimension, data }
    }

    /// Trivial ciphertexts of 0.
    pub(crate) fn zero(dimension: usize, count: usize) -> Self {
        Ciphertexts {
            dimension,
            data: vec![0; (dimension + 1) * count],
        }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len() / (self.dimension + 1)
    }

    pub(crate) fn row(&self, index: usize) -> &[u64] {
        &self.data[index * (self.dimension + 1)..(index + 1) * (self.dimension + 1)]
    }

    /// All ciphertexts of some, one behind the other, then those of the next.
    pub(crate) fn concat(parts: impl IntoIterator<Item = Ciphertexts>) -> Self {
        let all = |mut all: Ciphertexts, part: Ciphertexts| {
            all.data.extend(part.data);
            all
        };
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_else(|| Ciphertexts::zero(0, 0));
        parts.fold(first, all)
    }

    /// Parts of so many ciphertexts.
    pub(crate) fn split(&self, count: usize) -> impl Iterator<Item = Ciphertexts> + '_ {
        let parts = self.data.chunks(count * (self.dimension + 1));
        parts.map(|part| Ciphertexts::new(self.dimension, part.to_vec()))
    }

    pub(crate) fn data(&self) -> &[u64] {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut [u64] {
        &mut self.data
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.data.chunks_exact(self.dimension + 1)
    }

    pub(crate) fn row_mut(&mut self, index: usize) -> &mut [u64] {
        &mut self.data[index * (self.dimension + 1)..(index + 1) * (self.dimension + 1)]
    }

    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.data.chunks_exact_mut(self.dimension + 1)
    }

    pub(crate) fn par_rows(&self) -> impl IndexedParallelIterator<Item = &[u64]> {
        self.data.par_chunks_exact(self.dimension + 1)
    }

    pub(crate) fn par_rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [u64]> {
        self.data.par_chunks_exact_mut(self.dimension + 1)
    }
}

/// The modulus of every ciphertext, `2^64`.
pub(crate) fn modulus() -> CiphertextModulus<u64> {
    CiphertextModulus::new_native()
}
