//! The pass of inputs through a module, layer by layer, to their scores.

use candle_core::Tensor;
use fhe_nn_proof::encoder::own_of;
use fhe_nn_proof::error::ModelError;
use ndarray::Array2;

use super::error::Failure;
use super::forward::{Forward, Mode};
use super::outputs::outputs;
use super::signal::{Signal, Sums, UNIT, Values, real};
use crate::clear::wrap;
use crate::layer::compute;

/// The result of a pass.
pub(super) struct Scores {
    /// The outputs in reals, `[inputs, outputs]`: the scores, or what a client makes of them.
    pub(super) reals: Tensor,
    /// The integers that are decrypted, or in floating point the reals themselves.
    pub(super) integers: Tensor,
    /// The loss from accumulators that nearly leave a calibrated width.
    pub(super) overflow: Option<Tensor>,
}

impl Forward<'_> {
    /// Computes the scores of inputs in reals, `[inputs, values]`.
    ///
    /// # Errors
    /// [`TrainError::NotCalibrated`](super::TrainError::NotCalibrated), those of the floats that are given, and what candle reports.
    pub(super) fn run(&mut self, inputs: &Array2<f64>) -> Result<Scores, Failure> {
        let mut tensors = self.tensors(inputs)?;
        let (reals, integers) = match tensors.pop().ok_or(ModelError::PartMissing)? {
            Signal::Sums(sums) => self.scores(sums)?,
            Signal::Values(values) => (real(&values)?, values.integers),
        };
        let reals = match &self.module.spec.interface.outputs {
            Some(own) => outputs(&reals, own)?,
            None => reals,
        };
        Ok(Scores {
            reals,
            integers,
            overflow: self.overflow.take(),
        })
    }

    /// Computes the results of all layers, the input's values first, for inputs in reals, `[inputs, values]`.
    ///
    /// # Errors
    /// Those of [`Forward::run`].
    pub(super) fn tensors(&mut self, inputs: &Array2<f64>) -> Result<Vec<Signal>, Failure> {
        let mut tensors = vec![Signal::Values(self.input(inputs)?)];
        for layer in &*self.module.spec.layers {
            let signal = compute(&layer.op).train(self, tensors.len() - 1, &tensors)?;
            tensors.push(signal);
        }
        Ok(tensors)
    }

    fn input(&self, inputs: &Array2<f64>) -> Result<Values, Failure> {
        let module = self.module;
        let tensor = |values: Vec<f32>| Tensor::from_vec(values, inputs.dim(), &module.device);
        if self.is_float() {
            let inputs = module.given().quantized_input(inputs.clone())?;
            return Ok(Values {
                integers: tensor(inputs.iter().map(|&x| x as f32).collect())?,
                scale: self.constant(UNIT.scale)?,
                meaning: UNIT,
            });
        }
        let (meaning, levels) = (module.meaning(0)?, module.facts[0].range);
        let (several, values) = (&module.several, inputs.ncols());
        let encode = |((_, index), &x): ((usize, usize), &f64)| {
            let affine = own_of(several, index, values);
            affine.unwrap_or(&meaning).quantize(x, levels) as f32
        };
        Ok(Values {
            integers: tensor(inputs.indexed_iter().map(encode).collect())?,
            scale: self.constant(meaning.scale)?,
            meaning,
        })
    }

    /// The scores in reals and as integers, modulo 2 to the power of their widths.
    fn scores(&self, sums: Sums) -> Result<(Tensor, Tensor), Failure> {
        if self.mode != Mode::Exact || self.is_float() {
            return Ok((sums.reals, sums.integers));
        }
        let (inputs, scores) = sums.integers.dims2()?;
        let wrapped = sums.accumulators.iter().enumerate().map(|(index, &sum)| {
            let channel = index % scores / sums.positions;
            let sum = wrap(sum, sums.widths[channel]);
            (sums.lines[channel].real(sum) as f32, sum as f32)
        });
        let (reals, integers): (Vec<f32>, Vec<f32>) = wrapped.unzip();
        let tensor =
            |values: Vec<f32>| Tensor::from_vec(values, (inputs, scores), &self.module.device);
        Ok((tensor(reals)?, tensor(integers)?))
    }
}
