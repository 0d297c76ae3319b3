//! Optimizers and the course of their learning rate.
//!
//! candle-nn's own `AdamW` keeps its moments to itself, so a training could not be taken up again. This one has the
//! same interface, saves them, and leaves scales and biases out of the decay.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

/// How weights follow their gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// Adam with decoupled weight decay (Loshchilov, Hutter 2019, "Decoupled Weight Decay Regularization",
    /// algorithm 2): what is taken from a weight in every step, in units of weight times learning rate. Scales and
    /// biases do not decay.
    AdamW {
        /// The decay.
        decay: f64,
    },
    /// Stochastic gradient descent, with a momentum from 0 to 1.
    Sgd {
        /// The part of a step that the next one repeats.
        momentum: f64,
    },
}

/// The course of the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always the same.
    Constant,
    /// Down to nothing, as a cosine falls.
    Cosine,
    /// From 1/25 up in this part of the training, then down to nothing, both as a cosine (Smith, Topin 2019,
    /// "Super-Convergence").
    OneCycle {
        /// The part in which it rises, from 0 to 1.
        rise: f64,
    },
    /// By this factor in so many equal steps.
    Steps {
        /// The factor of each step.
        factor: f64,
        /// How many there are.
        steps: u32,
    },
}

/// What the learning rate begins with in a cycle.
const START: f64 = 0.04;

impl Schedule {
    /// The part of the learning rate at a point of the training, from 0 to 1.
    pub fn factor(&self, progress: f64) -> f64 {
        let ease = |x: f64| (1.0 - (PI * x).cos()) / 2.0;
        match *self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => 1.0 - ease(progress),
            Schedule::OneCycle { rise } if progress < rise => {
                START + (1.0 - START) * ease(progress / rise)
            }
            Schedule::OneCycle { rise } if rise < 1.0 => {
                1.0 - ease((progress - rise) / (1.0 - rise))
            }
            Schedule::OneCycle { .. } => 1.0,
            Schedule::Steps { factor, steps } => {
                factor.powf((progress * f64::from(steps + 1)).floor())
            }
        }
    }
}

/// Decay of the averages of gradients and of their squares (Kingma, Ba 2015, "Adam", section 2).
const BETAS: (f64, f64) = (0.9, 0.999);
/// Keeps steps finite.
const EPSILON: f64 = 1e-8;

/// Variables on their way.
pub(super) struct Descent {
    optimizer: Optimizer,
    variables: BTreeMap<String, Moments>,
    /// Steps so far.
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

    /// One step along the gradients.
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

    /// What it must know to go on, by name.
    pub(super) fn state(&self) -> impl Iterator<Item = (String, Tensor)> + '_ {
        self.variables.iter().flat_map(|(name, moments)| {
            [("first", &moments.first), ("second", &moments.second)]
                .map(|(kind, tensor)| (format!("{kind}.{name}"), tensor.clone()))
        })
    }

    /// Goes on from a state; `None` if a part of it is missing, or is no part of this.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_begin_and_end_where_they_say() {
        let cycle = Schedule::OneCycle { rise: 0.25 };
        let near = |schedule: Schedule, progress: f64, factor: f64| {
            assert!(
                (schedule.factor(progress) - factor).abs() < 1e-9,
                "{schedule:?} at {progress}"
            );
        };
        near(cycle, 0.0, START);
        near(cycle, 0.25, 1.0);
        near(cycle, 1.0, 0.0);
        near(Schedule::OneCycle { rise: 1.0 }, 1.0, 1.0);
        near(Schedule::Cosine, 0.0, 1.0);
        near(Schedule::Cosine, 0.5, 0.5);
        near(
            Schedule::Steps {
                factor: 0.1,
                steps: 2,
            },
            0.5,
            0.1,
        );
        near(
            Schedule::Steps {
                factor: 0.1,
                steps: 2,
            },
            0.9,
            0.01,
        );
    }
}
