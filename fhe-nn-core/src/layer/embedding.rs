//! Embeddings, which stand for tokens by vectors.

use std::sync::Arc;

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{EmbeddingSpec, Encoding, Window};
use ndarray::Array2;

use super::{Compute, Layer, Part, Vectors, sealed::Sealed};
use crate::Error;
use crate::clear::linear_sums;
use crate::quantize::float::Float;
use crate::quantize::run::Run;
use crate::quantize::tensor::{Signal, Tensor};
use crate::sums::convolve;
#[cfg(feature = "train")]
use crate::train::{
    Failure,
    forward::Forward,
    signal::{Signal as Trained, UNIT, Values},
};

/// A vector of `DIM` values for each token of a text, from a vocabulary of `V` tokens.
///
/// With `input(shape = [T], vocabulary = V)`, the client encrypts a token as `V` values, of which one is
/// 1 and all others are 0. The layer is then an exact sum without a bootstrap, and a text stays as
/// secret as any other input. With `input(shape = [T], vocabulary = V, bits = b)` and `V` at most `2^b`,
/// the client encrypts the token's number: a request is then `V` times smaller, and the layer takes
/// `DIM x T` bootstraps.
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

impl Compute for EmbeddingSpec {
    fn float(
        &self,
        float: &Float<'_>,
        index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        let vectors = float.vectors(index)?;
        Ok(match self.encoding {
            Encoding::Number => vectors_of(&vectors, operands[0]),
            Encoding::OneHot => convolve(&window(self), vectors.t(), &[0.0], operands[0]),
        })
    }

    fn quantize(&self, run: &mut Run<'_>, index: usize) -> Result<(Part, Tensor), Error> {
        let input = run.operand(index)?;
        let real = run.float.layer(index, &[&input.real])?;
        let vectors = run.float.vectors(index)?;
        let levels = run.facts[index + 1].range;
        // found from the vectors themselves, because a token that occurs in no sample has a meaning too
        let meaning = run
            .scales
            .symmetric(index + 1, &vectors, levels, run.calibration);
        let weights = vectors.mapv(|x| meaning.quantize(x, levels) as i16);
        let integers = match self.encoding {
            Encoding::Number => vectors_of(&weights, &input.real).mapv(i64::from),
            Encoding::OneHot => {
                let kernel = weights.t().to_owned();
                linear_sums(&input.integers, &kernel, Some(&window(self)), &[0])
            }
        };
        let scale = meaning.scale;
        let signal = Signal {
            real,
            integers,
            meaning: meaning.into(),
            levels,
        };
        let part = Part::Embedding(Vectors { weights, scale }.into());
        Ok((part, Tensor::Values(signal)))
    }

    #[cfg(feature = "train")]
    fn train(
        &self,
        forward: &mut Forward<'_>,
        index: usize,
        tensors: &[Trained],
    ) -> Result<Trained, Failure> {
        let (module, input) = (forward.module, forward.operand(index, tensors)?);
        let (weights, scale, meaning) = if forward.is_float() {
            let weight = module.learned(index)?.weight.as_tensor().clone();
            (weight, forward.constant(1.0)?, UNIT)
        } else {
            let scale = module.scale(index + 1)?.tensor(&module.device)?;
            (module.vectors(index)?, scale, module.meaning(index + 1)?)
        };
        let (inputs, positions) = (input.integers.dim(0)?, self.positions);
        let vectors = match self.encoding {
            Encoding::Number => {
                let tokens = input.integers.flatten_all()?;
                weights.index_select(&tokens.to_dtype(candle_core::DType::U32)?, 0)?
            }
            Encoding::OneHot => {
                let shape = (inputs, self.vocabulary, positions);
                let tokens = input.integers.reshape(shape)?.transpose(1, 2)?;
                let tokens = tokens.reshape((inputs * positions, self.vocabulary))?;
                tokens.matmul(&weights)?
            }
        };
        let vectors = vectors.reshape((inputs, positions, self.dimension))?;
        let vectors = vectors.transpose(1, 2)?;
        Ok(Trained::Values(Values {
            integers: vectors.reshape((inputs, self.dimension * positions))?,
            scale,
            meaning,
        }))
    }
}

/// The window over one-hot tokens: tokens are channels, and every position sees only itself.
fn window(spec: &EmbeddingSpec) -> Window {
    Window::each(spec.vocabulary, spec.dimension, spec.positions)
}

/// Looks up the vectors, one in each row, of tokens, `[samples, tokens]`. The result is
/// `[samples, dimension x tokens]`.
fn vectors_of<T: Copy, U: Copy + Into<f64>>(vectors: &Array2<T>, tokens: &Array2<U>) -> Array2<T> {
    let positions = tokens.ncols();
    let shape = (tokens.nrows(), vectors.ncols() * positions);
    Array2::from_shape_fn(shape, |(sample, j)| {
        let token: f64 = tokens[[sample, j % positions]].into();
        vectors[[token as usize, j / positions]]
    })
}
