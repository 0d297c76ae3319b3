//! Vectors for tokens.

use core::{fmt, slice};
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{LayerSpec, expect};
use crate::client::is_scale;
use crate::error::ModelError;
use crate::graph::Table;
use crate::graph::builder::{ALL, Builder};
use crate::graph::map::{Map, Rows, Term};
use crate::model::reader::{ModelReader, Place};
use crate::part::{Part, Vectors};
use crate::spec::flow_error::FlowError;
use crate::spec::input::Encoding;
use crate::spec::law::{Law, law, small, weights};
use crate::spec::tensor::{Tensor, TensorKind};
use crate::spec::window::Window;
use crate::widths::{Range, max_weight};

/// Vectors for the tokens of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingSpec {
    /// Tokens are `0..vocabulary`.
    pub vocabulary: usize,
    /// Number of values of each token's vector.
    pub dimension: usize,
    /// Number of tokens of a text.
    pub positions: usize,
    /// How tokens are encrypted.
    pub encoding: Encoding,
    /// Width of a value: integers of absolute value at most `2^(weights - 1) - 1`.
    pub weights: u32,
}

impl EmbeddingSpec {
    /// The vectors of tokens that are encrypted as numbers: a table looks up each value of a token's vector.
    fn looked_up<'a>(
        &self,
        builder: &mut Builder<'a>,
        index: usize,
        operands: Vec<usize>,
        vectors: &'a Vectors,
    ) -> usize {
        let term = |index| Term {
            operand: 0,
            index,
            weight: 1,
        };
        let each = (0..self.dimension).flat_map(|_| (0..self.positions).map(term));
        let map = Map::Rows(Rows::new(each.map(|term| vec![term])));
        let bits = builder.spec.input.bits.max(2);
        // tables read signed integers
        let middle = -(1i64 << (bits - 1));
        let constants = vec![middle; self.dimension];
        let sums = builder.sums(index, operands, map, constants.into());
        let table = Table::Vectors(&vectors.weights);
        let widths = vec![bits; self.dimension];
        builder.read_all(index, sums, table, widths, ALL, self.positions)
    }
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

    fn laws(&self) -> Result<(), Law> {
        law(
            small([self.vocabulary, self.positions]) && small([self.dimension]),
            "an embedding has at most 2^24 values",
        )?;
        weights(self.weights)
    }

    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError> {
        let (name, levels) = (place.name(), place.facts[place.index() + 1].range);
        let shape = [self.vocabulary, self.dimension];
        let weights = reader.weights(name, self.weights, &shape, levels)?;
        let scale = reader.reals(&format!("{name}.scale"), 1, "must be positive", is_scale)?[0];
        Ok(Part::Embedding(Vectors { weights, scale }.into()))
    }

    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError> {
        let vectors = builder.vectors(index)?;
        let operands = builder.operands(index);
        if self.encoding == Encoding::Number {
            return Ok(self.looked_up(builder, index, operands, vectors));
        }
        // one-hot tokens are channels, which each position sees by itself
        let map = Map::Windows {
            window: Window::each(self.vocabulary, self.dimension, self.positions),
            kernel: Cow::Owned(vectors.weights.t().to_owned()),
            padding: Cow::Borrowed(&[0]),
        };
        Ok(builder.sums(index, operands, map, Cow::Borrowed(&[])))
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Embedding {} tokens ({}) -> {}, weights {} bits",
            self.vocabulary, self.encoding, self.dimension, self.weights
        )
    }
}
