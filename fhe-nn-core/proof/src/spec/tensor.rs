//! Tensors before any weights are known: their shape, their range, and which layers may read them.

use crate::widths::Range;

/// The facts of a tensor that are known before any weights are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Extents, slowest first. Tokens have one channel for each token of the vocabulary.
    pub shape: Vec<usize>,
    /// Range of its integers.
    pub range: Range,
    /// Whether all its integers are odd, as those of `Wave` and `Sign` are.
    pub odd: bool,
    /// Kind of its integers, which determines the layers that may read it.
    pub kind: TensorKind,
}

/// The kind of a tensor, which determines the layers that may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// Tokens, which only an embedding layer reads.
    Tokens,
    /// Results of a layer with weights, which only a table or the client reads.
    Accumulators,
    /// Sums of values, which a table, the client and every layer that reads values can read.
    Sums,
    /// Values, which every layer reads except those with tables and embeddings.
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

impl Tensor {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape
            .iter()
            .fold(1, |values, &extent| values.saturating_mul(extent))
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
