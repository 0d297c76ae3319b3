//! Optimizers.
//!
//! candle-nn's own `AdamW` does not expose its moments, so a training could not be resumed. The optimizer here saves
//! them, and leaves scales and biases out of the weight decay.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

/// How weights follow their gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// Adam with decoupled weight decay (Loshchilov, Hutter 2019, "Decoupled Weight Decay Regularization",
    /// algorithm 2). Scales and biases do not decay.
    AdamW {
        /// What every step takes from a weight, in units of weight times learning rate.
        decay: f64,
    },
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// The fraction of a step that the next step repeats, from 0 to 1.
        momentum: f64,
    },
}

/// Decay of the averages of gradients and of their squares (Kingma, Ba 2015, "Adam", section 2).
const BETAS: (f64, f64) = (0.9, 0.999);
/// Keeps steps finite where a gradient is 0.
const EPSILON: f64 = 1e-8;

/// Learned parameters with the state of their optimizer.
pub(super) struct Descent {
    optimizer: Optimizer,
    variables: BTreeMap<String, Moments>,
    /// Number of steps so far.
    pub(super) steps: usize,
}

struct Moments {
    var: Var,
    first: Tensor,
    second: Tensor,
}

impl Descent {
    pub(super) fn new(optimizer: Optimizer, named: BTreeMap<String, Var>) -> Result<Self> {
        let moments = named.into_iter().map(|(name, var)| {
            let (first, second) = (var.zeros_like()?, var.zeros_like()?);
            Ok((name, Moments { var, first, second }))
        });
        Ok(Descent {
            optimizer,
            variables: moments.collect::<Result<_>>()?,
            steps: 0,
        })
    }

    /// Takes one step along the gradients.
    pub(super) fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        let corrected = |beta: f64| 1.0 / (1.0 - beta.powi(self.steps as i32));
        let (first_scale, second_scale) = (corrected(BETAS.0), corrected(BETAS.1));
        for (name, Moments { var, first, second }) in &mut self.variables {
            let Some(gradient) = gradients.get(var) else {
                continue;
            };
            let now = var.as_tensor();
            let next = match self.optimizer {
                Optimizer::AdamW { decay } => {
                    *first = ((&*first * BETAS.0)? + (gradient * (1.0 - BETAS.0))?)?.detach();
                    *second =
                        ((&*second * BETAS.1)? + (gradient.sqr()? * (1.0 - BETAS.1))?)?.detach();
                    let size = ((&*second * second_scale)?.sqrt()? + EPSILON)?;
                    let along = ((&*first * first_scale)? / size)?;
                    let kept = if name.ends_with(".weight") {
                        1.0 - rate * decay
                    } else {
                        1.0
                    };
                    ((now * kept)? - (along * rate)?)?
                }
                Optimizer::Sgd { momentum } => {
                    *first = ((&*first * momentum)? + gradient)?.detach();
                    (now - (&*first * rate)?)?
                }
            };
            var.set(&next)?;
        }
        Ok(())
    }

    /// The moments by name, which a checkpoint saves.
    pub(super) fn state(&self) -> impl Iterator<Item = (String, Tensor)> + '_ {
        self.variables.iter().flat_map(|(name, moments)| {
            [("first", &moments.first), ("second", &moments.second)]
                .map(|(kind, tensor)| (format!("{kind}.{name}"), tensor.clone()))
        })
    }

    /// Takes over a saved state. The result is `None` if a tensor is missing or has another shape.
    pub(super) fn restore(
        &mut self,
        steps: usize,
        state: impl Fn(&str) -> Option<Tensor>,
    ) -> Option<()> {
        self.steps = steps;
        for (name, moments) in &mut self.variables {
            let kinds = [
                ("first", &mut moments.first),
                ("second", &mut moments.second),
            ];
            for (kind, tensor) in kinds {
                let saved = state(&format!("{kind}.{name}"));
                *tensor = saved.filter(|saved| saved.dims() == tensor.dims())?;
            }
        }
        Some(())
    }
}
