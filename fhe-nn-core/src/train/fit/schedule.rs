//! The learning rate over the course of a training.

use std::f64::consts::PI;

/// How the learning rate changes over the course of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// The rate stays the same.
    Constant,
    /// The rate falls to 0 along a cosine.
    Cosine,
    /// The rate rises from 1/25 of its maximum, then falls to 0, both along a cosine (Smith, Topin 2019,
    /// "Super-Convergence").
    OneCycle {
        /// The fraction of the training in which the rate rises, from 0 to 1.
        rise: f64,
    },
    /// The rate is multiplied by a factor at equal intervals.
    Steps {
        /// The factor of each step.
        factor: f64,
        /// Number of steps.
        steps: u32,
    },
}

/// The fraction of the rate with which a cycle begins.
const START: f64 = 0.04;

impl Schedule {
    /// The fraction of the maximal rate at a point of the training. `progress` goes from 0 to 1.
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
