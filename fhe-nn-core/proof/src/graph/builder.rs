//! A graph as it is built, node by node, while the layers of a declaration lower themselves.

use std::borrow::Cow;

use super::map::Map;
use super::{Fixed, LinearOp, LookupOp, Node, Op, Read, Table};
use crate::error::ModelError;
use crate::part::{Linear, Part, Tables, Vectors};
use crate::spec::{ActivationSpec, Op as SpecOp, Rounding, Spec, Tensor};
use crate::widths::{Lattice, Range, Reader, sum_width};

/// Every integer.
pub(crate) const ALL: Lattice = Lattice {
    step_bits: 0,
    offset: 0,
};

/// A graph as it is built.
pub(crate) struct Builder<'a> {
    pub(crate) spec: &'a Spec,
    /// The facts of every tensor of the declaration.
    pub(crate) facts: Vec<Tensor>,
    parts: &'a [Part],
    pub(super) nodes: Vec<Node<'a>>,
    /// For each tensor of the declaration, the tensor of the nodes.
    pub(super) tensors: Vec<usize>,
    /// Number of lookups so far.
    stages: usize,
}

impl<'a> Builder<'a> {
    /// The builder before the first layer.
    pub(super) fn new(spec: &'a Spec, facts: Vec<Tensor>, parts: &'a [Part]) -> Self {
        Builder {
            spec,
            facts,
            parts,
            nodes: Vec::new(),
            tensors: vec![0],
            stages: 0,
        }
    }

    /// The tensors of the declaration that a layer reads.
    pub(crate) fn sources(&self, index: usize) -> Vec<usize> {
        self.spec.sources(index)
    }

    /// The tensors of the nodes that a layer reads.
    pub(crate) fn operands(&self, index: usize) -> Vec<usize> {
        let sources = self.sources(index).into_iter();
        sources.map(|source| self.tensors[source]).collect()
    }

    /// The facts of the tensor that a layer reads first.
    pub(crate) fn first(&self, index: usize) -> &Tensor {
        &self.facts[self.sources(index)[0]]
    }

    /// The integers of a layer with weights and accumulators.
    pub(crate) fn linear(&self, index: usize) -> Result<&'a Linear, ModelError> {
        match &self.parts[index] {
            Part::Linear(linear) => Ok(linear),
            _ => Err(ModelError::PartMissing),
        }
    }

    /// The vectors of an embedding.
    pub(crate) fn vectors(&self, index: usize) -> Result<&'a Vectors, ModelError> {
        self.parts[index].vectors().ok_or(ModelError::PartMissing)
    }

    /// The tables of an activation, `None` for an antiperiodic one.
    pub(crate) fn tables(&self, index: usize) -> Result<Option<&'a Tables>, ModelError> {
        match &self.parts[index] {
            Part::Tables(tables) => Ok(Some(tables)),
            Part::Antiperiodic => Ok(None),
            _ => Err(ModelError::PartMissing),
        }
    }

    /// Checks that a layer knows the meaning of the integers that it reads and has none of its own.
    pub(crate) fn has_no_integers(&self, index: usize) -> Result<(), ModelError> {
        match &self.parts[index] {
            Part::Sources(_) => Ok(()),
            _ => Err(ModelError::PartMissing),
        }
    }

    /// Adds sums of these tensors of nodes, for layer `index`.
    pub(crate) fn sums(
        &mut self,
        index: usize,
        sources: Vec<usize>,
        map: Map<'a>,
        constants: Cow<'a, [i64]>,
    ) -> usize {
        let op = LinearOp {
            map,
            constants,
            stage: 0, // known when all is there
        };
        self.push(index, sources, Op::Linear(op))
    }

    /// Tables that read all bits of sums of these widths, for layer `index`.
    pub(crate) fn read_all(
        &mut self,
        index: usize,
        source: usize,
        table: Table<'a>,
        widths: Vec<u32>,
        lattice: Lattice,
        positions: usize,
    ) -> usize {
        let read = Read {
            stage: self.stages,
            reader: Reader::Padded,
            lattices: vec![lattice; widths.len()],
            widths: widths.into(),
            positions,
        };
        let op = LookupOp {
            read,
            table,
            bits: None,
            rounding: Rounding::Exact,
            phases: 1,
            next: 0,
        };
        self.lookup(index, source, op)
    }

    /// Adds lookups of a function of integers, with one table for all `len` sums of a range.
    pub(crate) fn fixed(
        &mut self,
        index: usize,
        source: usize,
        function: Fixed,
        range: Range,
        lattice: Lattice,
        len: usize,
    ) -> usize {
        let width = range.signed_bits().max(2);
        self.read_all(
            index,
            source,
            Table::Fixed(function),
            vec![width],
            lattice,
            len,
        )
    }

    /// The tables of layer `index`, which read this tensor of nodes.
    pub(crate) fn lookup(&mut self, index: usize, source: usize, op: LookupOp<'a>) -> usize {
        self.stages += 1;
        self.push(index, vec![source], Op::Lookup(op))
    }

    fn push(&mut self, index: usize, sources: Vec<usize>, op: Op<'a>) -> usize {
        let name = &*self.spec.layers[index].name;
        self.nodes.push(Node { name, sources, op });
        self.nodes.len()
    }

    /// How a tensor of the declaration is read, by an activation or by the client.
    pub(crate) fn read(
        &self,
        tensor: usize,
        by: Option<&ActivationSpec>,
    ) -> Result<Read<'a>, ModelError> {
        let (reader, phases) = by.map_or((Reader::Client, 1), |act| {
            (act.function.reader(), act.phases.max(1))
        });
        let facts = &self.facts[tensor];
        // flattened values are the same values
        let mut index = tensor.checked_sub(1).ok_or(ModelError::PartMissing)?;
        while matches!(self.spec.layers[index].op, SpecOp::Flatten) {
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
        let terms = op.layer().terms(sources.len());
        let width = sum_width(facts.range, phases);
        let channels = facts.shape[0];
        let lattice = match terms {
            0 => ALL,
            terms => {
                let coarsest = width - 1 - phases.ilog2();
                Lattice::of(core::iter::repeat_n(1, terms), 0, odd, coarsest)
            }
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
