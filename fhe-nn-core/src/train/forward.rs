//! The way of inputs through a module.
//!
//! With integers, every tensor is the integers of the quantized network, exactly: 32-bit floats hold them up to
//! `2^24`, and accumulators, which may be greater, are kept as whole numbers for the tables that read them. What they
//! stand for is kept beside them, as tensors that gradients flow through: a weight is `scale x integer`, a value
//! `scale x (integer - zero point)`.

use candle_core::{Result as Computed, Tensor};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::Op;
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::signal::{Signal, Sums, UNIT, Values, real};
use super::trainable::{Precision, Trainable};
use crate::Error;
use crate::clear::wrap;

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// To see accumulators: their widths follow from this pass itself.
    Calibrate,
    /// To learn: accumulators that leave a calibrated width saturate, and count as a loss.
    Train,
    /// As the integer network.
    Exact,
}

/// A pass.
pub(super) struct Forward<'a> {
    pub(super) module: &'a Trainable,
    pub(super) mode: Mode,
    /// Noise follows from it.
    pub(super) seed: u64,
    /// Of every layer with weights, what its accumulators were, without phases.
    pub(super) seen: Vec<Option<Vec<Range>>>,
    /// What accumulators that nearly leave a calibrated width add to the loss.
    pub(super) overflow: Option<Tensor>,
}

/// What comes out.
pub(super) struct Scores {
    /// In reals, `[inputs, scores]`.
    pub(super) reals: Tensor,
    /// The integers that are decrypted, or in floating point the reals themselves.
    pub(super) integers: Tensor,
    /// What accumulators that nearly leave a calibrated width add to the loss.
    pub(super) overflow: Option<Tensor>,
}

impl<'a> Forward<'a> {
    pub(super) fn new(module: &'a Trainable, mode: Mode, seed: u64) -> Self {
        Forward {
            module,
            mode,
            seed,
            seen: module.spec.layers.iter().map(|_| None).collect(),
            overflow: None,
        }
    }

    /// The scores of inputs in reals, `[inputs, values]`.
    ///
    /// # Errors
    /// [`Error::NotCalibrated`], those of the floats that are given, and what candle reports.
    pub(super) fn run(&mut self, inputs: &Array2<f64>) -> Result<Scores, Error> {
        let mut tensors = vec![Signal::Values(self.input(inputs)?)];
        for index in 0..self.module.spec.layers.len() {
            let signal = self.layer(index, &tensors)?;
            tensors.push(signal);
        }
        let (reals, integers) = match tensors.pop().ok_or(ModelError::PartMissing)? {
            Signal::Sums(sums) => self.scores(sums)?,
            Signal::Values(values) => (real(&values)?, values.integers),
        };
        Ok(Scores {
            reals,
            integers,
            overflow: self.overflow.take(),
        })
    }

    pub(super) fn is_float(&self) -> bool {
        self.module.precision == Precision::Float
    }

    fn input(&self, inputs: &Array2<f64>) -> Result<Values, Error> {
        let (meaning, levels) = match self.is_float() {
            true => (UNIT, None),
            false => (self.module.meaning(0)?, Some(self.module.facts[0].range)),
        };
        let encode =
            |&x: &f64| levels.map_or(x, |levels| meaning.quantize(x, levels) as f64) as f32;
        let values: Vec<f32> = inputs.iter().map(encode).collect();
        Ok(Values {
            integers: Tensor::from_vec(values, inputs.dim(), &self.module.device)?,
            scale: self.constant(meaning.scale)?,
            meaning,
        })
    }

    fn layer(&mut self, index: usize, tensors: &[Signal]) -> Result<Signal, Error> {
        let spec = &self.module.spec;
        let sources = spec.sources(index);
        let values = |source: usize| match &tensors[source] {
            Signal::Values(values) => Ok(values),
            Signal::Sums(_) => Err(ModelError::PartMissing),
        };
        let operands = || sources.iter().map(|&source| values(source));
        Ok(match &spec.layers[index].op {
            Op::Dense(_) | Op::Conv(_) => Signal::Sums(self.linear(index, values(sources[0])?)?),
            Op::Embedding(embedding) => {
                Signal::Values(self.embedding(index, embedding, values(sources[0])?)?)
            }
            Op::Activation(act) => {
                let of_values;
                let sums = match &tensors[sources[0]] {
                    Signal::Sums(sums) => sums,
                    Signal::Values(values) => {
                        of_values = self.as_sums(sources[0], values, act)?;
                        &of_values
                    }
                };
                Signal::Values(self.activation(index, act, sums)?)
            }
            op => Signal::Values(self.combined(
                index,
                op,
                &operands().collect::<Result<Vec<_>, _>>()?,
            )?),
        })
    }

    /// Scores in reals, and as integers, modulo 2 to their widths.
    fn scores(&self, sums: Sums) -> Result<(Tensor, Tensor), Error> {
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

    pub(super) fn constant(&self, value: f64) -> Computed<Tensor> {
        Tensor::from_vec(vec![value as f32], 1, &self.module.device)
    }
}
