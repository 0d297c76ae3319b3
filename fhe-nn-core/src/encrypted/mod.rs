//! The encrypted backend: the same operations on LWE ciphertexts, by programmable bootstrapping.
//!
//! A value is one LWE ciphertext, whatever its width. An accumulator of `A` bits that counts modulo
//! `2^M` ([`Reader::modulus_bits`]) is a multiple of `2^-M` of the torus. Per layer:
//!
//! ```text
//! linear combination -> keyswitch -> centered modulus switch -> blind rotation -> sample extract
//! ```
//!
//! [`Reader::modulus_bits`]: fhe_nn_proof::widths::Reader::modulus_bits

mod linear;
mod rotate;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use fhe_nn_proof::widths::Lattice;
use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;

use crate::backend::Backend;
use crate::graph::{LinearOp, LookupOp};
use crate::keys::{EvaluationKey, StageKey};

/// Backend over ciphertexts, with all that a server knows.
pub(crate) struct Encrypted<'a> {
    key: &'a EvaluationKey,
    /// The stage that the next lookup is.
    stage: usize,
    /// The values that the accumulators of that stage can have.
    lattices: Vec<Lattice>,
}

/// Ciphertexts under one key, one behind the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ciphertexts {
    dimension: usize,
    data: Vec<u64>,
}

impl<'a> Encrypted<'a> {
    pub(crate) fn new(key: &'a EvaluationKey) -> Self {
        Encrypted {
            key,
            stage: 0,
            lattices: Vec::new(),
        }
    }
}

impl Backend for Encrypted<'_> {
    type Values = Ciphertexts;
    type Error = Infallible;

    fn linear(
        &mut self,
        _: usize,
        op: &LinearOp<'_>,
        values: Ciphertexts,
    ) -> Result<Ciphertexts, Infallible> {
        self.lattices = op.lattices();
        Ok(linear::accumulate(op, &values))
    }

    fn lookup(
        &mut self,
        _: usize,
        op: &LookupOp<'_>,
        accumulators: Ciphertexts,
    ) -> Result<Ciphertexts, Infallible> {
        let (stage, key) = (
            &self.key.plan.stages[self.stage],
            &self.key.stages[self.stage],
        );
        self.stage += 1;
        let accumulators = keyswitch(key, accumulators);
        Ok(rotate::lookup(
            op,
            &self.lattices,
            stage,
            key,
            &accumulators,
        ))
    }
}

/// Brings accumulators under the stage's small key, unless they are.
pub(crate) fn keyswitch(key: &StageKey, values: Ciphertexts) -> Ciphertexts {
    let Some(key) = &key.keyswitch else {
        return values;
    };
    let mut switched = Ciphertexts::zero(key.output_key_lwe_dimension().0, values.len());
    switched
        .par_rows_mut()
        .zip(values.par_rows())
        .for_each(|(to, from)| {
            let from = LweCiphertext::from_container(from, modulus());
            let mut to = LweCiphertext::from_container(to, modulus());
            keyswitch_lwe_ciphertext(key, &from, &mut to);
        });
    switched
}

impl Ciphertexts {
    /// Of one row of `dimension + 1` elements for each ciphertext.
    pub(crate) fn new(dimension: usize, data: Vec<u64>) -> Self {
        debug_assert_eq!(
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

    pub(crate) fn data(&self) -> &[u64] {
        &self.data
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.data.chunks_exact(self.dimension + 1)
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
