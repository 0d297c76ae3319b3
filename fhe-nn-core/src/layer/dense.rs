//! Fully connected layers: `acc_j = sum_i w_ij q_i`.

use std::sync::Arc;

use fhe_nn_proof::error::ModelError;

use super::{Layer, Linear, Part, sealed::Sealed};

/// A fully connected layer with `I` inputs and `O` neurons. It flattens its input.
///
/// # Shapes
/// Any shape of `I` values to `[O]`; weights `[O, I]` as in PyTorch.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<const I: usize, const O: usize>(Arc<Linear>);

impl<const I: usize, const O: usize> Dense<I, O> {
    /// The integers of the layer.
    pub fn linear(&self) -> &Linear {
        &self.0
    }
}

impl<const I: usize, const O: usize> Sealed for Dense<I, O> {}

impl<const I: usize, const O: usize> Layer for Dense<I, O> {
    fn from_part(part: Part) -> Result<Self, ModelError> {
        match part {
            Part::Linear(linear) if linear.weights.dim() == (O, I) => Ok(Dense(linear)),
            _ => Err(ModelError::PartMissing),
        }
    }

    fn part(&self) -> Part {
        Part::Linear(self.0.clone())
    }
}
