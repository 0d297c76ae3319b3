//! How sums are read: their widths, and the values that they can have.

use std::borrow::Cow;

use fhe_nn_proof::spec::{ActivationSpec, Op};
use fhe_nn_proof::widths::{Lattice, Range, Reader};

use super::Lowering;
use crate::Error;
use crate::graph::Read;
use crate::layer::{Linear, PartRef};

impl<'a> Lowering<'a, '_> {
    /// How a tensor of the declaration is read, by an activation or by the client.
    pub(super) fn read(
        &self,
        tensor: usize,
        by: Option<&ActivationSpec>,
    ) -> Result<Read<'a>, Error> {
        let (reader, phases) = by.map_or((Reader::Client, 1), |act| {
            (act.function.reader(), act.phases.max(1))
        });
        let facts = &self.facts[tensor];
        // values in a row are the same values
        let mut index = tensor.checked_sub(1).ok_or(Error::PartMissing)?;
        while matches!(self.spec.layers[index].op, Op::Flatten) {
            let before = self.spec.sources(index)[0];
            index = before.checked_sub(1).ok_or(Error::PartMissing)?;
        }
        let sources = self.spec.sources(index);
        let odd = sources.iter().all(|&source| self.facts[source].odd);
        let stage = self.stages;
        let op = &self.spec.layers[index].op;
        if let (Some(spec), PartRef::Linear(linear)) = (op.linear(), self.parts[index]) {
            let odd = odd && !spec.window.is_some_and(|window| window.pads());
            return Ok(Read {
                stage,
                reader,
                widths: Cow::Borrowed(&linear.widths),
                lattices: lattices(linear, phases, odd),
                positions: spec.positions,
            });
        }
        let weights = match op {
            Op::Add => vec![1; sources.len()],
            Op::Pool(pool) if !pool.window.pads() => vec![1; pool.window.taps()],
            _ => Vec::new(),
        };
        let width = sum_width(facts.range, phases);
        let channels = facts.shape[0];
        let lattice = match weights.is_empty() {
            true => Lattice {
                step_bits: 0,
                offset: 0,
            },
            false => Lattice::of(weights, 0, odd, width - 1 - phases.ilog2()),
        };
        Ok(Read {
            stage,
            reader,
            widths: Cow::Owned(vec![width; channels]),
            lattices: vec![lattice; channels],
            positions: facts.len() / channels,
        })
    }
}

/// Width of sums of a range, of which so many values are read.
pub(crate) fn sum_width(range: Range, phases: u32) -> u32 {
    range.signed_bits().max(2).max(1 + phases.max(1).ilog2())
}

/// The values that each neuron's accumulators can have.
pub(crate) fn lattices(linear: &Linear, phases: u32, odd: bool) -> Vec<Lattice> {
    let neurons = linear.weights.rows().into_iter().zip(&linear.phases);
    let neurons = neurons.zip(&linear.widths).map(|((row, &phase), &width)| {
        let coarsest = width - 1 - phases.ilog2();
        let weights = row.iter().map(|&w| i64::from(w));
        Lattice::of(weights, phase, odd, coarsest)
    });
    neurons.collect()
}
