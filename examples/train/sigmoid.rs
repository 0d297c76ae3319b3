//! Dense layers with sigmoids between them, in floating point.

use std::collections::HashMap;

use candle_core::{Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;

use super::fit::{Model, normal};

/// A chain of dense layers with a sigmoid between any two of them.
pub(crate) struct SigmoidNet {
    layers: Vec<(Var, Var)>,
}

impl SigmoidNet {
    /// Random weights for layers of these sizes, the input's first.
    ///
    /// # Errors
    ///
    /// If candle cannot make the tensors.
    pub(crate) fn new(sizes: &[usize], rng: &mut ChaCha8Rng) -> Result<Self> {
        let layer = |pair: &[usize]| {
            // a sigmoid's slope is 1/4 at most: twice the usual deviation makes up for half of it
            let deviation = 2.0 / (pair[0] as f32).sqrt();
            Ok((
                normal((pair[1], pair[0]), deviation, rng)?,
                normal(pair[1], 0.0, rng)?,
            ))
        };
        Ok(Self {
            layers: sizes.windows(2).map(layer).collect::<Result<_>>()?,
        })
    }

    /// Weights and biases: `fc1.weight`, `fc1.bias`, `fc2.weight` and so on.
    pub(crate) fn export(&self) -> HashMap<String, Tensor> {
        let named = |(index, (weight, bias)): (usize, &(Var, Var))| {
            [("weight", weight), ("bias", bias)]
                .map(|(kind, var)| (format!("fc{}.{kind}", index + 1), var.as_detached_tensor()))
        };
        self.layers.iter().enumerate().flat_map(named).collect()
    }
}

impl Model for SigmoidNet {
    fn vars(&self) -> Vec<Var> {
        self.layers
            .iter()
            .flat_map(|(weight, bias)| [weight.clone(), bias.clone()])
            .collect()
    }

    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let mut values = images.clone();
        for (index, (weight, bias)) in self.layers.iter().enumerate() {
            if index > 0 {
                values = candle_nn::ops::sigmoid(&values)?;
            }
            values = values.matmul(&weight.t()?)?.broadcast_add(bias)?;
        }
        Ok(values)
    }
}
