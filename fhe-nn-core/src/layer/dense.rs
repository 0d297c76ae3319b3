//! Fully connected layers: `acc_j = sum_i w_ij q_i`.

use fhe_nn_proof::client::{Affine, Line};
use ndarray::Array2;

use super::{Layer, Part, PartRef, sealed::Sealed};
use crate::Error;

/// A fully connected layer of `I` inputs and `O` neurons. It flattens what it is given.
///
/// # Shapes
/// Any of `I` values to `[O]`; weights `[O, I]` as in PyTorch.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<const I: usize, const O: usize>(Linear);

/// The integers of a linear layer, and what they mean in reals:
/// neuron j stands for `scales_j x input.scale x (acc_j - input.zero_point x sum_i w_ij) + bias_j`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Integer weights, `[neurons, inputs]`; of a convolution `[channels, taps]`, and all else by channel.
    pub weights: Array2<i16>,
    /// Integer added to each accumulator: the bias of a neuron whose activation is antiperiodic,
    /// 0 where the bias lives in the neuron's own table or is added by the client.
    pub phases: Vec<i64>,
    /// Width of each neuron's accumulator in bits, `A_j`.
    pub widths: Vec<u32>,
    /// Real value of one unit of each neuron's weights.
    pub scales: Vec<f64>,
    /// Real bias of each neuron.
    pub bias: Vec<f64>,
    /// What the integers that enter the layer mean.
    pub input: Affine,
}

impl<const I: usize, const O: usize> Dense<I, O> {
    /// The integers of the layer.
    pub fn linear(&self) -> &Linear {
        &self.0
    }
}

impl<const I: usize, const O: usize> Sealed for Dense<I, O> {}

impl<const I: usize, const O: usize> Layer for Dense<I, O> {
    fn from_part(part: Part) -> Result<Self, Error> {
        match part {
            Part::Linear(linear) if linear.weights.dim() == (O, I) => Ok(Dense(linear)),
            _ => Err(Error::PartMissing),
        }
    }

    fn part(&self) -> PartRef<'_> {
        PartRef::Linear(&self.0)
    }
}

impl Linear {
    /// Number of neurons, of a convolution of channels.
    pub fn outputs(&self) -> usize {
        self.weights.nrows()
    }

    /// Number of input values, of a convolution of taps.
    pub fn inputs(&self) -> usize {
        self.weights.ncols()
    }

    /// What accumulator `j` (without its phase) means in reals.
    pub fn line(&self, j: usize) -> Line {
        let sum: i64 = self.weights.row(j).iter().map(|&w| i64::from(w)).sum();
        let slope = self.scales[j] * self.input.scale;
        Line {
            slope,
            offset: self.bias[j] - slope * (self.input.zero_point * sum) as f64,
        }
    }
}
