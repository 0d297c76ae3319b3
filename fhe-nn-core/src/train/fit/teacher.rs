//! Distillation from the scores of another network.

use candle_core::{D, Tensor};
use candle_nn::ops;
use ndarray::{Array2, ArrayView2};

use crate::Error;
use crate::train::error::Failure;

/// A network whose scores are learned beside the labels (Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a
/// Neural Network", section 2).
///
/// ```no_run
/// # use fhe_nn_core::prelude::*;
/// # use fhe_nn_core::train::{Teacher, Trainable, Trainer};
/// use ndarray::ArrayView2;
///
/// # fn taught(teacher: &Trainable) {
/// let scores = |inputs: ArrayView2<'_, f32>| teacher.scores(inputs);
/// let trainer = Trainer::new().with_teacher(Teacher::new(&scores).with_weight(0.9));
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Teacher<'a> {
    scores: Scores<'a>,
    weight: f64,
    temperature: f64,
}

/// Computes scores without softmax, `[inputs, scores]`, for inputs, `[inputs, values of one input]`.
type Scores<'a> = &'a dyn Fn(ArrayView2<'_, f32>) -> Result<Array2<f32>, Error>;

impl<'a> Teacher<'a> {
    /// A teacher that computes its scores with this function.
    ///
    /// # Shapes
    /// The argument of `scores`: `[inputs, values of one input]`; its result, without softmax: `[inputs, scores]`.
    pub fn new(scores: &'a impl Fn(ArrayView2<'_, f32>) -> Result<Array2<f32>, Error>) -> Self {
        Teacher {
            scores,
            weight: 0.5,
            temperature: 2.0,
        }
    }

    /// Sets the teacher's fraction of the loss, from 0 to 1; by default, 0.5. The labels have the rest.
    pub fn with_weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Sets the temperature, by which the scores of both networks are divided before softmax; by default, 2.
    pub fn with_temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// The settings that a checkpoint can compare.
    pub(super) fn settings(&self) -> (f64, f64) {
        (self.weight, self.temperature)
    }

    /// The loss from labels and the cross-entropy with the teacher's scores, mixed.
    ///
    /// # Errors
    /// Those of the teacher, and what candle reports.
    pub(super) fn mix(
        &self,
        inputs: ArrayView2<'_, f32>,
        scores: &Tensor,
        own: Tensor,
    ) -> Result<Tensor, Failure> {
        let (count, taught) = (inputs.nrows(), (self.scores)(inputs)?);
        let shape = taught.dim();
        let taught = Tensor::from_vec(
            taught.into_iter().collect::<Vec<_>>(),
            shape,
            scores.device(),
        )?;
        let soft = ops::softmax(&(taught / self.temperature)?, D::Minus1)?;
        let log = ops::log_softmax(&(scores / self.temperature)?, D::Minus1)?;
        let cross = ((soft * log)?.sum_all()? / -(count as f64))?;
        // gradients of soft targets are smaller by the square of the temperature
        let taught = (cross * (self.weight * self.temperature * self.temperature))?;
        Ok(((own * (1.0 - self.weight))? + taught)?)
    }
}
