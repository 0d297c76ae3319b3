//! Layers that need tables between sums, and so are several nodes.

use std::borrow::Cow;

use fhe_nn_proof::spec::{EmbeddingSpec, PoolSpec, Rounding, Tensor};
use fhe_nn_proof::widths::{Lattice, Range, Reader};

use super::Lowering;
use crate::graph::{Fixed, LookupOp, Map, Read, Rows, Table, Term};
use crate::layer::Vectors;

impl<'a> Lowering<'a, '_> {
    /// The greatest of the values of each window, as in a cup: of two, `b + max(a - b, 0)`.
    pub(super) fn greatest(
        &mut self,
        name: &'a str,
        source: usize,
        pool: &PoolSpec,
        values: &Tensor,
    ) -> usize {
        let mut left: Vec<usize> = (0..pool.window.taps())
            .map(|tap| {
                let map = Map::Rows(Rows::tap(&pool.window, tap));
                self.sums(name, vec![source], map, Cow::Borrowed(&[]))
            })
            .collect();
        let len = pool.window.output_len();
        while left.len() > 1 {
            left = left
                .chunks(2)
                .map(|pair| match *pair {
                    [a, b] => {
                        let apart = values
                            .range
                            .plus(values.range.times(Range { lo: -1, hi: -1 }));
                        let lattice = Lattice::of([1, -1], 0, values.odd, apart.signed_bits() - 1);
                        let less = Map::Rows(Rows::each(len, &[1, -1]));
                        let less = self.sums(name, vec![a, b], less, Cow::Borrowed(&[]));
                        let more = self.fixed(name, less, Fixed::Positive, apart, lattice, len);
                        let greatest = Map::Rows(Rows::each(len, &[1, 1]));
                        self.sums(name, vec![b, more], greatest, Cow::Borrowed(&[]))
                    }
                    _ => pair[0],
                })
                .collect();
        }
        left[0]
    }

    /// `a b = floor((a + b)^2 / 4) - floor((a - b)^2 / 4)`: both squares are odd, or neither.
    pub(super) fn product(
        &mut self,
        name: &'a str,
        sources: Vec<usize>,
        len: usize,
        (a, b): (Range, Range),
    ) -> usize {
        let negative = b.times(Range { lo: -1, hi: -1 });
        let squares = [(1, a.plus(b)), (-1, a.plus(negative))].map(|(sign, range)| {
            let map = Map::Rows(Rows::each(len, &[1, sign]));
            let sums = self.sums(name, sources.clone(), map, Cow::Borrowed(&[]));
            let all = Lattice {
                step_bits: 0,
                offset: 0,
            };
            self.fixed(name, sums, Fixed::QuarterSquare, range, all, len)
        });
        let less = Map::Rows(Rows::each(len, &[1, -1]));
        self.sums(name, squares.to_vec(), less, Cow::Borrowed(&[]))
    }

    /// Vectors of tokens that are numbers: each is looked up in a table for every value of its vector.
    pub(super) fn vectors(
        &mut self,
        name: &'a str,
        sources: Vec<usize>,
        spec: &EmbeddingSpec,
        embedding: &'a Vectors,
    ) -> usize {
        let term = |index| Term {
            operand: 0,
            index,
            weight: 1,
        };
        let each = (0..spec.dimension).flat_map(|_| (0..spec.positions).map(term));
        let map = Map::Rows(Rows::new(each.map(|term| vec![term])));
        let bits = self.spec.input.bits.max(2);
        // tables read signed integers
        let middle = -(1i64 << (bits - 1));
        let sums = self.sums(name, sources, map, vec![middle; spec.dimension].into());
        let all = Lattice {
            step_bits: 0,
            offset: 0,
        };
        let read = Read {
            stage: self.stages,
            reader: Reader::Padded,
            widths: vec![bits; spec.dimension].into(),
            lattices: vec![all; spec.dimension],
            positions: spec.positions,
        };
        self.lookup(
            name,
            sums,
            LookupOp {
                read,
                table: Table::Vectors(&embedding.weights),
                bits: None,
                rounding: Rounding::Exact,
                phases: 1,
                next: 0,
            },
        )
    }

    /// A table of a function of integers.
    fn fixed(
        &mut self,
        name: &'a str,
        source: usize,
        function: Fixed,
        range: Range,
        lattice: Lattice,
        len: usize,
    ) -> usize {
        let read = Read {
            stage: self.stages,
            reader: Reader::Padded,
            widths: Cow::Owned(vec![range.signed_bits().max(2)]),
            lattices: vec![lattice],
            positions: len,
        };
        self.lookup(
            name,
            source,
            LookupOp {
                read,
                table: Table::Fixed(function),
                bits: None,
                rounding: Rounding::Exact,
                phases: 1,
                next: 0,
            },
        )
    }
}
