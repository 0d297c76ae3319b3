//! Layers without tables or accumulators, on the way through a module.

use candle_core::{D, DType, Tensor};
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::result_of;
use fhe_nn_proof::spec::{EmbeddingSpec, Encoding, Op, Pool};

use super::forward::Forward;
use super::signal::{UNIT, Values};
use crate::Error;

impl Forward<'_> {
    pub(super) fn embedding(
        &self,
        index: usize,
        embedding: &EmbeddingSpec,
        input: &Values,
    ) -> Result<Values, Error> {
        let module = self.module;
        let (weights, scale, meaning) = match self.is_float() {
            true => (
                module.learned(index)?.weight.as_tensor().clone(),
                self.constant(1.0)?,
                UNIT,
            ),
            false => (
                module.vectors(index)?,
                module.scale(index + 1)?.tensor(&module.device)?,
                module.meaning(index + 1)?,
            ),
        };
        let (dimension, positions) = (embedding.dimension, embedding.positions);
        let inputs = input.integers.dim(0)?;
        let vectors = match embedding.encoding {
            Encoding::Number => {
                let tokens = input.integers.flatten_all()?.to_dtype(DType::U32)?;
                weights.index_select(&tokens, 0)?
            }
            Encoding::OneHot => {
                let tokens = input
                    .integers
                    .reshape((inputs, embedding.vocabulary, positions))?;
                let tokens = tokens
                    .transpose(1, 2)?
                    .reshape((inputs * positions, embedding.vocabulary))?;
                tokens.matmul(&weights)?
            }
        };
        let vectors = vectors
            .reshape((inputs, positions, dimension))?
            .transpose(1, 2)?;
        Ok(Values {
            integers: vectors.reshape((inputs, dimension * positions))?,
            scale,
            meaning,
        })
    }

    pub(super) fn combined(
        &self,
        index: usize,
        op: &Op,
        operands: &[&Values],
    ) -> Result<Values, Error> {
        let first = operands.first().ok_or(ModelError::PartMissing)?;
        let integers: Vec<&Tensor> = operands.iter().map(|operand| &operand.integers).collect();
        let mut others = integers.iter().skip(1);
        let mut scale = first.scale.clone();
        let integers = match op {
            Op::Pool(pool) => {
                let windows = self.module.windows[index]
                    .as_ref()
                    .ok_or(ModelError::PartMissing)?;
                match (pool.kind, self.is_float()) {
                    (Pool::Max, _) => windows
                        .seen(&first.integers, f64::from(f32::MIN))?
                        .max(D::Minus1)?,
                    (Pool::Average, true) => windows.seen(&first.integers, 0.0)?.mean(D::Minus1)?,
                    (Pool::Average, false) => {
                        scale = (scale / pool.window.taps() as f64)?;
                        windows.seen(&first.integers, 0.0)?.sum(D::Minus1)?
                    }
                }
            }
            Op::Add => others.try_fold(first.integers.clone(), |sum, other| sum + *other)?,
            Op::Mul => {
                for other in &operands[1..] {
                    scale = (scale * &other.scale)?;
                }
                others.try_fold(first.integers.clone(), |product, other| product * *other)?
            }
            Op::Concat => Tensor::cat(&integers, 1)?,
            _ => first.integers.clone(),
        };
        let meanings: Vec<Affine> = operands.iter().map(|operand| operand.meaning).collect();
        let meaning = match self.is_float() {
            true => UNIT,
            false => result_of(op, &meanings).ok_or(ModelError::PartMissing)?,
        };
        Ok(Values {
            integers,
            scale,
            meaning,
        })
    }
}
