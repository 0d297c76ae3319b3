//! Passes through a module: for scores, training steps and calibration.

use candle_core::{DType, Tensor};
use ndarray::{Array2, ArrayView2};

use super::error::Failure;
use super::forward::{Forward, Mode};
use super::pass::Scores;
use super::signal::{Signal, real};
use super::trainable::{Precision, Trainable};
use crate::Error;

impl Trainable {
    /// Computes the scores of inputs in reals. They are the scores of the quantized network, or with
    /// [`Precision::Float`] those of the float network.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; the result: `[inputs, scores]`.
    ///
    /// # Errors
    /// [`TrainError::NotCalibrated`](super::TrainError::NotCalibrated), and errors that name a wrong input.
    pub fn scores(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>, Error> {
        Ok(matrix(&self.pass(inputs, Mode::Exact, 0)?.reals)?)
    }

    /// Computes the integers behind the scores, which an encrypted run decrypts.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; the result: `[inputs, scores]`.
    ///
    /// # Errors
    /// Those of [`Trainable::scores`].
    pub fn integer_scores(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>, Error> {
        Ok(matrix(&self.pass(inputs, Mode::Exact, 0)?.integers)?)
    }

    /// Computes scores to learn from, `[inputs, scores]`, with gradients to [`vars`](Trainable::vars), for a
    /// training loop of one's own. The second tensor, if there is one, must be added to the loss: it keeps
    /// `calibrated` accumulators within their widths. Noise follows from the seed.
    ///
    /// # Errors
    /// Those of [`Trainable::scores`].
    pub fn learn(
        &self,
        inputs: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let scores = self.pass(inputs, Mode::Train, seed)?;
        Ok((scores.reals, scores.overflow))
    }

    pub(super) fn pass(
        &self,
        inputs: ArrayView2<'_, f32>,
        mode: Mode,
        seed: u64,
    ) -> Result<Scores, Failure> {
        Forward::new(self, mode, seed).run(&self.input_reals(inputs)?)
    }

    /// The results of all layers in the reals that their integers stand for, the input's values first, `[inputs, values]`
    /// each.
    ///
    /// # Errors
    /// Those of [`Trainable::scores`].
    pub(super) fn reals_of_layers(
        &self,
        inputs: ArrayView2<'_, f32>,
    ) -> Result<Vec<Array2<f64>>, Failure> {
        let mut forward = Forward::new(self, Mode::Exact, 0);
        let tensors = forward.tensors(&self.input_reals(inputs)?)?.into_iter();
        let reals = tensors.map(|signal| {
            let reals = match signal {
                Signal::Values(values) => real(&values)?,
                Signal::Sums(sums) => sums.reals,
            };
            Ok(matrix(&reals)?.mapv(f64::from))
        });
        reals.collect()
    }

    /// The weights of layer `index` as they are learned, `[channels, taps]`.
    ///
    /// # Errors
    /// [`ModelError::PartMissing`](crate::error::ModelError::PartMissing) for a layer without weights.
    pub(super) fn latent_weights(&self, index: usize) -> Result<Array2<f32>, Failure> {
        matrix(&self.learned(index)?.weight)
    }

    /// Finds over samples what is not learned: scales that are not known yet, and the widths of
    /// `calibrated` accumulators. Quantization with the same samples finds the same widths and scales.
    ///
    /// An accumulator that leaves its `calibrated` width is not an error here. Training goes on with it,
    /// and the quantizer refuses it if it is still too wide at the end.
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`.
    ///
    /// # Errors
    /// Errors that name a wrong sample, as in [`Network::quantize_with`](crate::Network::quantize_with).
    pub fn calibrate(&mut self, samples: ArrayView2<'_, f32>) -> Result<(), Error> {
        let samples = self.find_input(samples)?;
        self.find_scales(&samples)?;
        if self.precision == Precision::Integers {
            let mut forward = Forward::new(self, Mode::Calibrate, 0);
            forward.run(&samples)?;
            self.seen = forward.seen;
        }
        Ok(())
    }
}

/// The values of a matrix of 32-bit floats.
fn matrix(tensor: &Tensor) -> Result<Array2<f32>, Failure> {
    let shape = tensor.dims2()?;
    let values = tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
    Ok(Array2::from_shape_vec(shape, values).expect("a tensor has as many values as its shape"))
}
