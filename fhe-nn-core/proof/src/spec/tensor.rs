//! Tensors before any weights are known: shape, range, and who may read them.

use super::{Encoding, Input, Tokens};
use crate::widths::Range;

/// What is known of a tensor before any weights are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Extents, slowest first. Tokens are as many channels as the vocabulary has.
    pub shape: Vec<usize>,
    /// What its integers can be.
    pub range: Range,
    /// Whether all of them are odd, as those of `Wave` and `Sign` are.
    pub odd: bool,
    /// Who may read it.
    pub kind: TensorKind,
}

/// Who may read a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// Tokens: an `Embedding` only.
    Tokens,
    /// Results of a layer with weights: a table or the client only.
    Accumulators,
    /// Sums of values: a table, the client and all that read values.
    Sums,
    /// Values: all but tables.
    Values,
}

impl core::fmt::Display for TensorKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            TensorKind::Tokens => "tokens",
            TensorKind::Accumulators => "accumulators",
            TensorKind::Sums => "sums",
            TensorKind::Values => "values",
        })
    }
}

impl Input {
    /// The facts of the input.
    pub fn tensor(&self) -> Tensor {
        Tensor {
            shape: match self.tokens {
                Some(Tokens {
                    vocabulary,
                    encoding: Encoding::OneHot,
                }) => vec![vocabulary, self.shape.iter().product()],
                Some(_) => vec![self.shape.iter().product()],
                None => self.shape.to_vec(),
            },
            range: Range::unsigned(self.bits),
            odd: false,
            kind: match self.tokens {
                None => TensorKind::Values,
                Some(_) => TensorKind::Tokens,
            },
        }
    }
}

impl Tensor {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape
            .iter()
            .fold(1, |values, &extent| values.saturating_mul(extent))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
