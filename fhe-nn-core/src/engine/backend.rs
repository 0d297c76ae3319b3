//! The encrypted backend.

use fhe_nn_proof::plan::torus_step;
use rayon::prelude::*;

use super::lookup::{self, Stages};
use super::switch::switch_modulus;
use super::{ServerKey, linear};
use crate::Error;
use crate::backend::Backend;
use crate::run::{Running, Work};
use crate::wire::Ciphertexts;
use fhe_nn_proof::graph::{LinearOp, LookupOp, Read};

/// A backend over the ciphertexts of any number of inputs at once, which uses only what a server knows.
pub(crate) struct Encrypted<'a> {
    key: &'a ServerKey,
    running: &'a Running<'a>,
    /// Number of inputs.
    images: usize,
}

impl<'a> Encrypted<'a> {
    pub(crate) fn new(key: &'a ServerKey, running: &'a Running<'a>, images: usize) -> Self {
        Encrypted {
            key,
            running,
            images,
        }
    }

    /// Returns how many units the torus holds of the values that `stage` is the first to read.
    fn modulus_of(&self, stage: usize) -> u64 {
        self.key.plan.moduli().nth(stage).unwrap_or(1)
    }

    /// Brings scores into the form in which they travel: under their own key, and of few bits.
    pub(crate) fn finish(&self, read: &Read<'_>, sums: &Ciphertexts) -> Ciphertexts {
        let accumulators = lookup::to_step_width(sums, read, self.key.plan.output.sums.step_width);
        let output = self.key.output.as_ref();
        let switch = || output.map(|key| key.switch(&accumulators));
        let switched = self.running.timed(Work::Keyswitch, switch);
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
        self.running.check()?;
        let step = torus_step(self.modulus_of(op.stage));
        let accumulate = || linear::accumulate(op, operands, self.images, step);
        Ok(self.running.timed(Work::Linear, accumulate))
    }

    fn lookup(&mut self, op: &LookupOp<'_>, sums: &Ciphertexts) -> Result<Ciphertexts, Error> {
        let stages = &self.key.plan.stages;
        let before = stages[..op.read.stage].iter();
        let first: usize = before.map(|stage| stage.rounds.len() + 1).sum();
        let stage = &stages[op.read.stage];
        let stages = Stages {
            op,
            stage,
            keys: &self.key.bootstraps[first..=first + stage.rounds.len()],
            next_modulus: self.modulus_of(op.next),
            running: self.running,
        };
        stages.run(sums)
    }
}

impl Ciphertexts {
    pub(super) fn par_rows(&self) -> impl IndexedParallelIterator<Item = &[u64]> {
        self.data().par_chunks_exact(self.dimension() + 1)
    }

    pub(super) fn par_rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [u64]> {
        let size = self.dimension() + 1;
        self.data_mut().par_chunks_exact_mut(size)
    }
}
