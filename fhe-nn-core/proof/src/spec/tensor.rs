//! Tensors before any weights are known: shape, range, and who may read them.

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

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
