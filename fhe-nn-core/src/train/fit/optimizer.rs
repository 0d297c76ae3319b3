//! Optimizers.
//!
//! candle-nn's own `AdamW` does not expose its moments, so a training could not be resumed. The optimizer here saves
//! them, leaves scales and biases out of the weight decay, and takes a step in one pass over the weights.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use crate::parallel::*;

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
const BETAS: (f32, f32) = (0.9, 0.999);
/// Keeps steps finite where a gradient is 0.
const EPSILON: f32 = 1e-8;

/// Learned parameters with the state of their optimizer.
pub(super) struct Descent {
    optimizer: Optimizer,
    variables: BTreeMap<String, Moments>,
    /// Number of steps so far.
    pub(super) steps: usize,
}

struct Moments {
    var: Var,
    /// What the variable is learned in, in its own units: a step of gradient descent must not depend on it.
    unit: f32,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Descent {
    /// An optimizer of a module's parameters. `unit` has what each of them is learned in, in its own units.
    pub(super) fn new(
        optimizer: Optimizer,
        named: BTreeMap<String, Var>,
        unit: impl Fn(&str) -> f64,
    ) -> Self {
        let moments = named.into_iter().map(|(name, var)| {
            let zeros = || vec![0.0; var.elem_count()];
            let moments = Moments {
                unit: unit(&name) as f32,
                first: zeros(),
                second: zeros(),
                var,
            };
            (name, moments)
        });
        Descent {
            optimizer,
            variables: moments.collect(),
            steps: 0,
        }
    }

    /// Takes one step along the gradients.
    pub(super) fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        let corrected = |beta: f32| 1.0 / (1.0 - f64::from(beta).powi(self.steps as i32)) as f32;
        let (first_scale, second_scale) = (corrected(BETAS.0), corrected(BETAS.1));
        for (name, moments) in &mut self.variables {
            let Moments {
                var,
                unit,
                first,
                second,
            } = moments;
            let Some(gradient) = gradients.get(var) else {
                continue;
            };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            let mut weights = var.flatten_all()?.to_vec1::<f32>()?;
            let moments = first.par_iter_mut().zip(second.par_iter_mut());
            let all = weights.par_iter_mut().zip(gradient).zip(moments);
            match self.optimizer {
                Optimizer::AdamW { decay } => {
                    let decays = name.ends_with(".weight");
                    let kept = if decays { 1.0 - rate * decay } else { 1.0 } as f32;
                    let rate = rate as f32;
                    all.for_each(|((weight, gradient), (first, second))| {
                        *first = *first * BETAS.0 + gradient * (1.0 - BETAS.0);
                        *second = *second * BETAS.1 + gradient * gradient * (1.0 - BETAS.1);
                        let size = (*second * second_scale).sqrt() + EPSILON;
                        *weight = *weight * kept - *first * first_scale / size * rate;
                    });
                }
                Optimizer::Sgd { momentum } => {
                    // a gradient by x / unit is greater by the unit, and a step of x / unit counts for more by it
                    let rate = rate as f32 / (*unit * *unit);
                    all.for_each(|((weight, gradient), (first, _))| {
                        *first = *first * momentum as f32 + gradient;
                        *weight -= *first * rate;
                    });
                }
            };
            var.set(&Tensor::from_vec(weights, var.shape(), var.device())?)?;
        }
        Ok(())
    }

    /// The moments by name, which a checkpoint saves.
    pub(super) fn state(&self) -> impl Iterator<Item = Result<(String, Tensor)>> + '_ {
        self.variables.iter().flat_map(|(name, moments)| {
            let shape = moments.var.shape();
            let saved = move |kind: &str, values: &[f32]| {
                let tensor = Tensor::from_slice(values, shape, moments.var.device())?;
                Ok((format!("{kind}.{name}"), tensor))
            };
            [
                saved("first", &moments.first),
                saved("second", &moments.second),
            ]
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
            for (kind, values) in kinds {
                let saved = state(&format!("{kind}.{name}"));
                let saved = saved.filter(|saved| saved.dims() == moments.var.dims())?;
                *values = saved.flatten_all().and_then(|all| all.to_vec1()).ok()?;
            }
        }
        Some(())
    }
}
