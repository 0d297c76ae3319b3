//! A layer and what it reads, for the laws of its shape.

mod origin;
mod window;

use fhe_nn_proof::spec::Tensor;
use fhe_nn_proof::widths::accumulator_bits;

use super::facts::Facts;
use crate::ast::{Layer, Network};
use crate::errors::{Error, Errors, Place};

/// A layer and what it reads.
pub(crate) struct Reads<'a> {
    pub(crate) errors: &'a mut Errors,
    pub(crate) network: &'a Network,
    pub(super) facts: &'a Facts,
    pub(crate) layer: &'a Layer,
    /// Whether the shapes that come in are known.
    pub(crate) known: bool,
}

impl<'a> Reads<'a> {
    /// The tensors that it reads.
    pub(crate) fn operands(&self) -> impl Iterator<Item = &'a Tensor> + use<'a> {
        let facts = self.facts;
        let sources = self.layer.sources.iter();
        sources.map(move |&source| &facts.tensors[source])
    }

    /// The tensor that it reads first.
    pub(crate) fn first(&self) -> &'a Tensor {
        &self.facts.tensors[self.layer.sources[0]]
    }

    /// Reports that the shape that comes in is not the one that the layer takes.
    pub(crate) fn mismatch(&mut self, place: Place, law: String, help: String) {
        let note = self.origin();
        self.known = false;
        self.errors
            .push(Error::new(place, law).note(note).help(help));
    }

    /// The width of sums of `taps` values, each multiplied by a weight of `weights` bits.
    pub(crate) fn worst_case(&self, taps: usize, weights: u32) -> u32 {
        accumulator_bits(taps, self.first().range, weights).unwrap_or(63)
    }
}
