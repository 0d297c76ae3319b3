//! From a trained network to a cheaper one, one field at a time.

use std::ops::ControlFlow;

use fhe_nn_proof::spec::{Function, Op, Spec};

use super::change::{Change, Kind};
use super::front::{Candidate, Front};
use super::refit::Known;
use super::{Member, Search};
use crate::quantize::float_tensors;
use crate::train::{Examples, TrainError};
use crate::{Error, Floats};

/// A change counts if the time that it leaves is at most this part of the time before.
const SAVES: f64 = 0.95;

impl Search<'_> {
    /// Makes a trained network cheaper, one field at a time, until an encrypted inference takes no longer than the budget.
    ///
    /// Every step tries all changes that save time: a [`Wave`](crate::layer::Wave) or a [`Sign`](crate::layer::Sign) in
    /// place of an activation, a bit less in its table and results, averages in place of greatest values, and averages that
    /// the convolution in front of an activation takes. Each begins with weights that compute nearly what they did before
    /// the change, and is trained. Of those whose accuracy is within one standard error of the best (Breiman et al. 1984,
    /// "Classification and Regression Trees", section 3.4.3), the step keeps the most accurate that is within the budget,
    /// or else the fastest. `found` is called with each as soon as it is trained, and the result has them all; its
    /// [`pareto`](Front::pareto) ends with the most accurate within the budget.
    ///
    /// Only activations and pools that [`with_changed`](Search::with_changed) names are replaced. The layers with weights around
    /// them follow, and so does the input: weights, accumulators, sizes, and bits. A network that takes no longer than the
    /// budget as it is makes an empty front. `found` may end the search.
    ///
    /// # Errors
    /// [`TrainError::NothingToChange`], [`TrainError::CustomFunction`], those of
    /// [`Trainer::fit`](crate::train::Trainer::fit), and those of the floats; see
    /// [`Network::quantize_with`](crate::Network::quantize_with).
    pub fn cheaper(
        &self,
        spec: &Spec,
        floats: &Floats,
        training: &Examples<'_>,
        validation: &Examples<'_>,
        mut found: impl FnMut(&Candidate) -> ControlFlow<()>,
    ) -> Result<Front, Error> {
        self.check(spec)?;
        let samples = self.trainer.samples(training);
        // what is wrong with the floats is an error, and not the end of one change
        float_tensors(spec, &[], floats, samples.view())?;
        let begins = self.plan_of(spec, floats, &samples);
        let mut seconds = begins.map_or(f64::INFINITY, |plan| plan.predicted_seconds(self.threads));
        let (mut spec, mut floats) = (spec.clone(), floats.clone());
        let mut front = Front::new();
        while seconds > self.budget {
            let mut step = Vec::new();
            let known = Known::new(&spec, &floats, samples.view(), &self.device)?;
            for (change, next) in Change::all(&spec, |field| self.changes(field)) {
                let begins = match known.refit(change, &next) {
                    Ok(begins) => begins,
                    Err(error @ Error::Model(_)) => {
                        front.refuse(next, error);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let most = SAVES * seconds;
                let member = Member {
                    spec: next,
                    floats: Some(&begins),
                    most,
                };
                let trained = self.train(member, (training, validation), &samples, &mut front)?;
                let Some(candidate) = trained else {
                    continue;
                };
                let goes_on = found(&candidate);
                if candidate.seconds <= most {
                    step.push(candidate.clone());
                }
                front.push(candidate, self.budget);
                if goes_on.is_break() {
                    return Ok(front);
                }
            }
            let Some(kept) = self.kept(step, validation.len()) else {
                break;
            };
            (seconds, spec, floats) = (kept.seconds, kept.spec, kept.floats);
        }
        Ok(front)
    }

    /// The candidate that a step keeps, of those that save time.
    fn kept(&self, step: Vec<Candidate>, examples: usize) -> Option<Candidate> {
        let best = step.iter().map(|own| own.accuracy).fold(0.0, f64::max);
        let error = (best * (1.0 - best) / examples.max(1) as f64).sqrt();
        let near = step.into_iter().filter(|own| own.accuracy >= best - error);
        let (mut fit, slow): (Vec<_>, Vec<_>) = near.partition(|own| own.seconds <= self.budget);
        fit.sort_by(|a, b| {
            let times = || a.seconds.total_cmp(&b.seconds);
            b.accuracy.total_cmp(&a.accuracy).then_with(times)
        });
        let fastest = slow
            .into_iter()
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds));
        fit.into_iter().next().or(fastest)
    }

    /// Whether a field may change.
    fn changes(&self, field: &str) -> bool {
        self.changed.is_empty() || self.changed.iter().any(|own| own == field)
    }

    fn check(&self, spec: &Spec) -> Result<(), Error> {
        let network = || spec.name.to_string();
        let is_custom = |op: &Op| op.activation().map(|act| act.function) == Some(Function::Custom);
        if let Some(own) = spec.layers.iter().find(|layer| is_custom(&layer.op)) {
            let field = own.name.to_string();
            return Err(TrainError::CustomFunction {
                network: network(),
                field,
            }
            .into());
        }
        let missing = self.changed.iter().find(|&own| {
            let mut layers = 0..spec.layers.len();
            let is_own = |layer: usize| spec.layers[layer].name == *own;
            !layers.any(|layer| is_own(layer) && !Kind::of_layer(spec, layer).is_empty())
        });
        match missing {
            None => Ok(()),
            Some(field) => Err(TrainError::NothingToChange {
                network: network(),
                field: field.clone(),
            }
            .into()),
        }
    }
}
