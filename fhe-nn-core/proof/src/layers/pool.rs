//! Averages and greatest values of windows.

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::window_type::pool_type;
use super::{LayerSpec, expect, readable};
use crate::client::Affine;
use crate::error::ModelError;
use crate::graph::Fixed;
use crate::graph::builder::Builder;
use crate::graph::map::{Map, Rows, Term};
use crate::model::reader::{ModelReader, Place};
use crate::part::Part;
use crate::spec::flow_error::FlowError;
use crate::spec::law::{Law, law};
use crate::spec::tensor::{Tensor, TensorKind};
use crate::spec::window::{Window, WindowError};
use crate::widths::Lattice;
use crate::widths::Range;

/// Averages or greatest values of windows, channel by channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// The windows, with one group per channel.
    pub window: Window,
    /// Whether it moves over `[channels, length]` instead of `[channels, height, width]`.
    pub flat: bool,
    /// The way in which the values of a window become one.
    pub kind: Pool,
}

/// The way in which the values of a window become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pool {
    /// The sum of its integers, which stands for the average of their reals; padding counts as 0.
    Average,
    /// The greatest value; padding does not count.
    Max,
}

impl Pool {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Pool::Average => "AvgPool",
            Pool::Max => "MaxPool",
        }
    }
}

impl PoolSpec {
    /// The range of the results for inputs of this range. Padding counts as 0 in an average.
    pub fn range(&self, input: Range) -> Range {
        match self.kind {
            Pool::Max => input,
            Pool::Average => {
                let taps = self.window.taps() as i64;
                let sum = input.times(Range { lo: taps, hi: taps });
                if self.window.pads() {
                    sum.hull(Range { lo: 0, hi: 0 })
                } else {
                    sum
                }
            }
        }
    }

    /// Whether one window sees all of a channel.
    fn is_global(&self) -> bool {
        let window = &self.window;
        window.kernel == window.input && window.stride == [1, 1] && !window.pads()
    }
}

impl PoolSpec {
    /// The greatest value of each window, as in a knockout tournament: of two values, `b + max(a - b, 0)`.
    ///
    /// All games of a round, those of all windows, are one lookup. If the number of values is odd, the last
    /// one enters the next round as it is.
    fn greatest(&self, builder: &mut Builder<'_>, index: usize) -> usize {
        let (source, values) = (builder.operands(index)[0], builder.first(index).clone());
        let windows = Rows::windows(&self.window);
        let seen = |j| windows.row(j).iter().map(|term| term.index).collect();
        // the values that each window has left, and the tensor that they are in
        let mut left: Vec<Vec<usize>> = (0..windows.len()).map(seen).collect();
        let mut from = source;
        if left.iter().all(|values| values.len() < 2) {
            return builder.sums(index, vec![from], Map::Rows(windows), Cow::Borrowed(&[]));
        }
        let apart = values.range.minus(values.range);
        let lattice = Lattice::of([1, -1], 0, values.odd, apart.signed_bits() - 1);
        let term = |operand, value, weight| Term {
            operand,
            index: value,
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
            let less = builder.sums(index, vec![from], less, Cow::Borrowed(&[]));
            let more = builder.fixed(index, less, Fixed::Positive, apart, lattice, len);
            let winners = Map::Rows(Rows::new(winners));
            from = builder.sums(index, vec![from, more], winners, Cow::Borrowed(&[]));
        }
        from
    }
}

impl LayerSpec for PoolSpec {
    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        self.window.check().map_err(FlowError::Window)?;
        if !(self.window.sees_values(0) && self.window.sees_values(1)) {
            return Err(FlowError::Window(WindowError::Padding));
        }
        expect(&self.window.input_shape(self.flat), &operands[0].shape)
    }

    fn check_widths(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        let values = operands[0].range;
        match self.kind {
            Pool::Max => readable("compares", "differences", values.minus(values)),
            Pool::Average => Ok(()),
        }
    }

    fn facts(&self, operands: &[&Tensor]) -> Tensor {
        let first = operands[0];
        let (odd, kind) = match self.kind {
            Pool::Max => (first.odd, TensorKind::Values),
            Pool::Average => (false, TensorKind::Sums),
        };
        Tensor {
            shape: self.window.output_shape(self.flat),
            range: self.range(first.range),
            odd,
            kind,
        }
    }

    fn type_name(&self) -> String {
        if self.is_global() {
            return format!("Global{}", self.kind.name());
        }
        pool_type(self.kind, &self.window, self.flat)
    }

    fn laws(&self) -> Result<(), Law> {
        let window = &self.window;
        window.laws(self.flat)?;
        law(
            window.outputs == window.channels && window.groups == window.channels,
            "pools see each channel by itself",
        )
    }

    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError> {
        reader.sources(place)
    }

    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError> {
        builder.has_no_integers(index)?;
        Ok(match self.kind {
            Pool::Max => self.greatest(builder, index),
            Pool::Average => {
                let map = Map::Rows(Rows::windows(&self.window));
                let operands = builder.operands(index);
                builder.sums(index, operands, map, Cow::Borrowed(&[]))
            }
        })
    }

    fn terms(&self, _operands: usize) -> usize {
        if self.window.pads() {
            0
        } else {
            self.window.taps()
        }
    }

    fn all_terms(&self, _operands: &[&Tensor]) -> u64 {
        let (outputs, taps) = (self.window.output_len() as u64, self.window.taps() as u64);
        outputs.saturating_mul(taps)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes = if self.flat { 1 } else { 2 };
        write!(f, "{}{axes}d {}", self.kind.name(), self.window)
    }

    fn divisor(&self) -> Option<f64> {
        Some(match self.kind {
            Pool::Max => 1.0,
            Pool::Average => self.window.taps() as f64,
        })
    }

    fn needs_centred(&self) -> bool {
        self.kind == Pool::Average && self.window.pads()
    }

    fn meaning(&self, operands: &[Affine]) -> Option<Affine> {
        let first = operands[0];
        Some(match self.kind {
            Pool::Max => first,
            Pool::Average => {
                let taps = self.window.taps();
                Affine {
                    scale: first.scale / taps as f64,
                    zero_point: first.zero_point * taps as i64,
                }
            }
        })
    }
}
