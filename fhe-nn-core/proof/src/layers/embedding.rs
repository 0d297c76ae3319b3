//! Vectors for tokens.

use core::{fmt, slice};

use serde::{Deserialize, Serialize};

use super::{LayerSpec, expect};
use crate::spec::flow_error::FlowError;
use crate::spec::input::Encoding;
use crate::spec::tensor::{Tensor, TensorKind};
use crate::widths::{Range, max_weight};

/// Vectors for the tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingSpec {
    /// Tokens are `0..vocabulary`.
    pub vocabulary: usize,
    /// Values of each token's vector.
    pub dimension: usize,
    /// Tokens of a text.
    pub positions: usize,
    /// How tokens are encrypted.
    pub encoding: Encoding,
    /// Width of a value: integers of absolute value at most `2^(weights - 1) - 1`.
    pub weights: u32,
}

impl LayerSpec for EmbeddingSpec {
    fn reads(&self) -> (&'static str, &'static [TensorKind]) {
        ("tokens", &[TensorKind::Tokens])
    }

    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        let shape = &operands[0].shape;
        match self.encoding {
            Encoding::OneHot => expect(&[self.vocabulary, self.positions], shape),
            Encoding::Number => expect(&[self.positions], shape),
        }
    }

    fn facts(&self, _operands: &[&Tensor]) -> Tensor {
        let hi = max_weight(self.weights);
        Tensor {
            shape: vec![self.dimension, self.positions],
            range: Range { lo: -hi, hi },
            odd: false,
            kind: TensorKind::Values,
        }
    }

    fn type_name(&self) -> String {
        format!("Embedding<{}, {}>", self.vocabulary, self.dimension)
    }

    fn keys(
        &self,
        _before: Option<&Tensor>,
        _functions: &mut slice::Iter<'_, &str>,
    ) -> Vec<String> {
        vec![format!("weights = {}", self.weights)]
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Embedding {} tokens ({}) -> {}, weights {} bits",
            self.vocabulary, self.encoding, self.dimension, self.weights
        )
    }

    fn has_possible_numbers(&self) -> bool {
        (2..=16).contains(&self.weights) && self.dimension > 0
    }
}
