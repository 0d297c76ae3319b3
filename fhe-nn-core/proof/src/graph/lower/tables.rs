//! Layers that need tables between sums, and so are several nodes.

use std::borrow::Cow;

use super::Lowering;
use crate::graph::{Fixed, LookupOp, Map, Read, Rows, Table, Term};
use crate::part::Vectors;
use crate::spec::{EmbeddingSpec, PoolSpec, Rounding, Tensor};
use crate::widths::{Lattice, Range, Reader};

impl<'a> Lowering<'a> {
    /// The greatest of the values of each window, as in a cup: of two, `b + max(a - b, 0)`.
    ///
    /// All games of a round, those of all windows, are one lookup. Of an odd number of values the last
    /// comes into the next round as it is.
    pub(super) fn greatest(
        &mut self,
        name: &'a str,
        source: usize,
        pool: &PoolSpec,
        values: &Tensor,
    ) -> usize {
        let windows = Rows::windows(&pool.window);
        let seen = |j| windows.row(j).iter().map(|term| term.index).collect();
        // the values that each window has left, and the tensor that they are in
        let mut left: Vec<Vec<usize>> = (0..windows.len()).map(seen).collect();
        let mut from = source;
        if left.iter().all(|values| values.len() < 2) {
            return self.sums(name, vec![from], Map::Rows(windows), Cow::Borrowed(&[]));
        }
        let apart = values.range.minus(values.range);
        let lattice = Lattice::of([1, -1], 0, values.odd, apart.signed_bits() - 1);
        let term = |operand, index, weight| Term {
            operand,
            index,
            weight,
        };
        while left.iter().any(|values| values.len() > 1) {
            let (mut games, mut winners) = (Vec::new(), Vec::new());
            for values in &mut left {
                let first = winners.len();
                for pair in values.chunks(2) {
                    winners.push(match *pair {
                        [a, b] => {
                            games.push(vec![term(0, a, 1), term(0, b, -1)]);
                            vec![term(0, b, 1), term(1, games.len() - 1, 1)]
                        }
                        _ => vec![term(0, pair[0], 1)],
                    });
                }
                *values = (first..winners.len()).collect();
            }
            let len = games.len();
            let less = Map::Rows(Rows::new(games));
            let less = self.sums(name, vec![from], less, Cow::Borrowed(&[]));
            let more = self.fixed(name, less, Fixed::Positive, apart, lattice, len);
            let winners = Map::Rows(Rows::new(winners));
            from = self.sums(name, vec![from, more], winners, Cow::Borrowed(&[]));
        }
        from
    }

    /// `a b = floor((a + b)^2 / 4) - floor((a - b)^2 / 4)`: both squares are odd, or neither.
    pub(super) fn product(
        &mut self,
        name: &'a str,
        sources: Vec<usize>,
        len: usize,
        (a, b): (Range, Range),
    ) -> usize {
        let squares = [(1, a.plus(b)), (-1, a.minus(b))].map(|(sign, range)| {
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
