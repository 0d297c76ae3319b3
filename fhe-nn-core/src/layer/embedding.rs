//! Vectors for tokens.

use std::sync::Arc;

use fhe_nn_proof::error::ModelError;

use super::{Layer, Part, Vectors, sealed::Sealed};

/// A vector of `DIM` values for each token of a text, of `V` tokens that there are.
///
/// Of an `input(shape = [T], vocabulary = V)`, the client encrypts a token as one 1 among `V` values that are
/// 0. So the layer is an exact sum without a bootstrap, and what a text says stays as secret as any other
/// input. Of an `input(shape = [T], vocabulary = V, bits = b)` with `V` at most `2^b`, it encrypts the token's
/// number: a request is `V` times as small, and the layer takes `DIM x T` bootstraps.
///
/// # Shapes
/// Texts `[T]` to `[DIM, T]`; weights `[V, DIM]` as in PyTorch.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding<const V: usize, const DIM: usize>(Arc<Vectors>);

impl<const V: usize, const DIM: usize> Embedding<V, DIM> {
    /// The integers of the layer.
    pub fn vectors(&self) -> &Vectors {
        &self.0
    }
}

impl<const V: usize, const DIM: usize> Sealed for Embedding<V, DIM> {}

impl<const V: usize, const DIM: usize> Layer for Embedding<V, DIM> {
    fn from_part(part: Part) -> Result<Self, ModelError> {
        match part {
            Part::Embedding(vectors) if vectors.weights.dim() == (V, DIM) => Ok(Embedding(vectors)),
            _ => Err(ModelError::PartMissing),
        }
    }

    fn part(&self) -> Part {
        Part::Embedding(self.0.clone())
    }
}
