//! Integer combinations of values: which values each sum adds up, and with which weights.

use std::borrow::Cow;

use ndarray::Array2;

use crate::encoder::own_of;
use crate::spec::Window;

/// The values that the sums of a layer add up.
#[derive(Debug, Clone)]
pub enum Map<'a> {
    /// All values, each with a weight of its own: `[sums, values]`.
    Dense(&'a Array2<i16>),
    /// The values in a window, which moves over `[channels, height, width]`.
    Windows {
        /// The window and where it moves.
        window: Window,
        /// Its weights, `[output channels, taps]`.
        kernel: Cow<'a, Array2<i16>>,
        /// The value of padding in each input channel, or in all of them.
        padding: Cow<'a, [i64]>,
    },
    /// A few values of one or more tensors.
    Rows(Rows),
}

/// Sums of a few values each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The terms of all sums, one sum after the other.
    terms: Vec<Term>,
    /// Where each sum begins, followed by where the last one ends.
    starts: Vec<usize>,
}

/// A value and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Index of the tensor among those that the layer reads.
    pub operand: usize,
    /// Index of the value in the tensor.
    pub index: usize,
    /// How often it is added.
    pub weight: i64,
}

impl Map<'_> {
    /// Number of sums.
    pub fn len(&self) -> usize {
        match self {
            Map::Dense(weights) => weights.nrows(),
            Map::Windows { window, .. } => window.output_len(),
            Map::Rows(rows) => rows.len(),
        }
    }

    /// Whether there are no sums.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The terms of sum `j`, without those whose weight is 0.
    pub fn terms(&self, j: usize) -> Vec<Term> {
        let term = |index: Option<usize>, weight: i16| {
            let index = index.filter(|_| weight != 0)?;
            Some(Term {
                operand: 0,
                index,
                weight: weight.into(),
            })
        };
        match self {
            Map::Dense(weights) => {
                let weights = weights.row(j).into_iter().enumerate();
                weights
                    .filter_map(|(i, &weight)| term(Some(i), weight))
                    .collect()
            }
            Map::Windows { window, kernel, .. } => {
                let (channel, position) = (j / window.positions(), j % window.positions());
                let weights = kernel.row(channel).into_iter().enumerate();
                let source = |tap| window.source(channel, position, tap);
                weights
                    .filter_map(|(tap, &weight)| term(source(tap), weight))
                    .collect()
            }
            Map::Rows(rows) => rows.row(j).to_vec(),
        }
    }

    /// What padding adds to sum `j`.
    pub fn constant(&self, j: usize) -> i64 {
        let Map::Windows {
            window,
            kernel,
            padding,
        } = self
        else {
            return 0;
        };
        if !window.pads() {
            return 0;
        }
        let (channel, position) = (j / window.positions(), j % window.positions());
        let weights = kernel.row(channel).into_iter().enumerate();
        let outside = weights.filter(|&(tap, _)| window.source(channel, position, tap).is_none());
        let taps = window.taps();
        let values = outside.map(|(tap, &w)| {
            let padding = own_of(padding, tap, taps).expect("padding for every tap");
            padding * i64::from(w)
        });
        values.sum()
    }
}

impl Rows {
    /// Rows from a list of terms for each sum.
    pub fn new(rows: impl IntoIterator<Item = Vec<Term>>) -> Self {
        let mut all = Rows {
            terms: Vec::new(),
            starts: vec![0],
        };
        for row in rows {
            all.terms.extend(row);
            all.starts.push(all.terms.len());
        }
        all
    }

    /// The weighted sums of tensors, value by value. For each tensor, its weight and the number of sums in a row that
    /// read one value of it.
    pub fn each(len: usize, terms: &[(i64, usize)]) -> Self {
        let term = |sum: usize| {
            let terms = terms.iter().enumerate();
            terms
                .map(move |(operand, &(weight, repeats))| Term {
                    operand,
                    index: sum / repeats,
                    weight,
                })
                .collect()
        };
        Rows::new((0..len).map(term))
    }

    /// The values of several tensors, one tensor after the other.
    pub fn concat(lens: &[usize]) -> Self {
        let of = |(operand, &len): (usize, &usize)| {
            (0..len).map(move |index| {
                vec![Term {
                    operand,
                    index,
                    weight: 1,
                }]
            })
        };
        Rows::new(lens.iter().enumerate().flat_map(of))
    }

    /// The values in each window, added up.
    pub fn windows(window: &Window) -> Self {
        let row = |j: usize| {
            let (channel, position) = (j / window.positions(), j % window.positions());
            let taps = 0..window.taps();
            let seen = taps.filter_map(|tap| window.source(channel, position, tap));
            seen.map(|index| Term {
                operand: 0,
                index,
                weight: 1,
            })
            .collect()
        };
        Rows::new((0..window.output_len()).map(row))
    }

    /// One value of each window: the one at a tap or, if that is padding, the first that is not padding.
    pub fn tap(window: &Window, tap: usize) -> Self {
        let row = |j: usize| {
            let (channel, position) = (j / window.positions(), j % window.positions());
            let mut taps = core::iter::once(tap).chain(0..window.taps());
            let index = taps.find_map(|tap| window.source(channel, position, tap));
            let term = |index| Term {
                operand: 0,
                index,
                weight: 1,
            };
            index.map(term).into_iter().collect()
        };
        Rows::new((0..window.output_len()).map(row))
    }

    /// Number of sums.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there are no sums.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The terms of sum `j`.
    pub fn row(&self, j: usize) -> &[Term] {
        &self.terms[self.starts[j]..self.starts[j + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Padding;

    #[test]
    fn a_tap_that_is_padding_stands_for_another() {
        let window = Window {
            channels: 1,
            outputs: 1,
            input: [5, 4],
            kernel: [3, 2],
            stride: [2, 1],
            padding: [Padding::both(1), Padding::NONE],
            dilation: [1, 2],
            groups: 1,
        };
        // in the first row of windows, the first two taps are above the input
        let rows = Rows::tap(&window, 0);
        assert_eq!(rows.row(0)[0].index, 0);
        assert_eq!(Rows::windows(&window).row(0).len(), 4);
    }
}
