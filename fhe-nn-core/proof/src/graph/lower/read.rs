//! How sums are read: their widths, and the values that they can have.

use std::borrow::Cow;

use super::Lowering;
use crate::error::ModelError;
use crate::graph::Read;
use crate::part::Part;
use crate::spec::{ActivationSpec, Op};
use crate::widths::{Lattice, Reader, sum_width};

impl<'a> Lowering<'a> {
    /// How a tensor of the declaration is read, by an activation or by the client.
    pub(super) fn read(
        &self,
        tensor: usize,
        by: Option<&ActivationSpec>,
    ) -> Result<Read<'a>, ModelError> {
        let (reader, phases) = by.map_or((Reader::Client, 1), |act| {
            (act.function.reader(), act.phases.max(1))
        });
        let facts = &self.facts[tensor];
        // values in a row are the same values
        let mut index = tensor.checked_sub(1).ok_or(ModelError::PartMissing)?;
        while matches!(self.spec.layers[index].op, Op::Flatten) {
            let before = self.spec.sources(index)[0];
            index = before.checked_sub(1).ok_or(ModelError::PartMissing)?;
        }
        let sources = self.spec.sources(index);
        let odd = sources.iter().all(|&source| self.facts[source].odd);
        let stage = self.stages;
        let op = &self.spec.layers[index].op;
        if let (Some(spec), Part::Linear(linear)) = (op.linear(), &self.parts[index]) {
            let odd = odd && !spec.window.is_some_and(|window| window.pads());
            return Ok(Read {
                stage,
                reader,
                widths: Cow::Borrowed(&linear.widths),
                lattices: linear.lattices(phases, odd),
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
