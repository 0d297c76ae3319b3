//! The search: first the same widths for all layers, then changes of the best.

use std::collections::HashSet;
use std::time::Instant;

use fhe_nn_proof::spec::Rounding;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::knobs::{Choice, Knobs, Uniform};
use super::split::Split;
use super::trial::{Bench, Trial};
use crate::Error;
use crate::parallel::*;
use crate::watch::Count;

/// A search with one way of rounding.
pub(super) struct Search<'a> {
    pub(super) knobs: &'a Knobs<'a>,
    pub(super) bench: &'a Bench<'a>,
    pub(super) split: &'a Split,
    pub(super) rounding: Rounding,
    /// The loss that is allowed.
    pub(super) loss: f64,
    /// The greatest number of declarations that are tried.
    pub(super) trials: usize,
    pub(super) ends: Instant,
    pub(super) seed: u64,
}

/// Number of declarations that are tried at once. It is the same on every machine, so that a seed gives the same
/// search whatever the number of cores.
const AT_ONCE: usize = 8;
/// Number of the best declarations that changes start from.
const POOL: usize = 24;
/// The fraction of the trials that have the same widths in all layers.
const UNIFORM: f64 = 0.3;
/// How much a hundredth of loss beyond what is allowed counts, as a logarithm of time.
const PENALTY: f64 = 50.0;
/// A declaration is not planned if it loses more than this beyond three times what is allowed.
const HOPELESS: f64 = 0.08;

impl Search<'_> {
    /// Tries declarations until as many are tried as may be, or the time is over.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn run(&self, count: &Count<'_>) -> Result<Vec<Trial>, Error> {
        let mut random = Random(ChaCha8Rng::seed_from_u64(self.seed));
        let mut found: Vec<(Choice, Trial)> = Vec::new();
        let mut seen = HashSet::new();
        let mut begin = self.uniform(&mut random).into_iter();
        let uniform = (self.trials as f64 * UNIFORM) as usize;
        while seen.len() < self.trials && Instant::now() < self.ends {
            count.check()?;
            let mut batch = Vec::new();
            // a small declaration may have no more neighbours
            for _ in 0..AT_ONCE * 50 {
                if batch.len() == AT_ONCE || seen.len() >= self.trials {
                    break;
                }
                let first = (seen.len() < uniform).then(|| begin.next()).flatten();
                let next = first.or_else(|| self.changed(&found, &mut random));
                let Some(choice) = next else { break };
                if seen.insert(choice.clone()) {
                    batch.push(choice);
                }
            }
            if batch.is_empty() {
                break;
            }
            let tried = batch.len();
            let trials = batch.into_par_iter().map(|choice| {
                let trial = self.tried(&choice);
                (choice, trial)
            });
            let trials: Vec<(Choice, Option<Trial>)> = trials.collect();
            found.extend(
                trials
                    .into_iter()
                    .filter_map(|(choice, trial)| Some((choice, trial?))),
            );
            found.sort_by(|a, b| self.energy(&a.1).total_cmp(&self.energy(&b.1)));
            count.done(tried);
        }
        Ok(found.into_iter().map(|(_, trial)| trial).collect())
    }

    /// Declarations of the same widths in all layers, generous ones and those of an import first.
    fn uniform(&self, random: &mut Random) -> Vec<Choice> {
        let all = |bits, table| Uniform {
            input: bits,
            weights: bits,
            output: bits,
            table,
            calibrated: true,
        };
        let mut choices = vec![
            all(6, 8),
            all(4, 5),
            all(5, 6),
            all(3, 4),
            all(3, 3),
            all(2, 4),
        ];
        let mut others = Vec::new();
        for input in [2, 3, 4, 5] {
            for weights in [2, 3, 4, 5] {
                for output in [1, 2, 3, 4] {
                    for table in [3, 4, 5, 6] {
                        for calibrated in [true, false] {
                            others.push(Uniform {
                                input,
                                weights,
                                output,
                                table,
                                calibrated,
                            });
                        }
                    }
                }
            }
        }
        for last in (1..others.len()).rev() {
            others.swap(last, random.below(last + 1));
        }
        choices.extend(others);
        choices
            .into_iter()
            .map(|widths| self.knobs.uniform(widths))
            .collect()
    }

    /// A declaration that differs from one of the best in a few numbers; `None` if there is none yet.
    fn changed(&self, found: &[(Choice, Trial)], random: &mut Random) -> Option<Choice> {
        let pool = found.len().min(POOL);
        if pool == 0 {
            return None;
        }
        // the better, the more often
        let place = random.below(pool).min(random.below(pool));
        let mut choice = found[place].0.clone();
        let changes = match random.below(10) {
            0..5 => 1,
            5..8 => 2,
            _ => 3,
        };
        for _ in 0..changes {
            let knob = random.below(self.knobs.len());
            let (value, last) = (choice[knob], self.knobs.last(knob));
            choice[knob] = match random.below(10) {
                0..5 => value.saturating_sub(1),
                5..8 => (value + 1).min(last),
                _ => random.below(usize::from(last) + 1) as u8,
            };
        }
        Some(choice)
    }

    /// Tries a choice; `None` if it breaks a law, loses far too much, or has no parameters.
    fn tried(&self, choice: &Choice) -> Option<Trial> {
        let spec = self.knobs.declare(choice, self.rounding)?;
        let calibration = self.knobs.calibration(choice);
        let hopeless = 3.0 * self.loss + HOPELESS;
        // laws of quantizing and planning are what a search runs into
        let tried = self
            .bench
            .tried(spec, calibration, &self.split.folds, hopeless);
        tried.ok().flatten()
    }

    /// What the search makes small: the logarithm of time, with a penalty for loss beyond what is allowed.
    fn energy(&self, trial: &Trial) -> f64 {
        let beyond = (trial.guide - self.loss).max(0.0);
        trial.seconds.ln() + PENALTY * beyond + 1e-3 * f64::from(trial.bits())
    }
}

/// Random numbers that follow from a seed.
struct Random(ChaCha8Rng);

impl Random {
    /// A number below `count`, which is not 0. The bias of the remainder is below 2^-32.
    fn below(&mut self, count: usize) -> usize {
        (self.0.next_u64() % count as u64) as usize
    }
}
