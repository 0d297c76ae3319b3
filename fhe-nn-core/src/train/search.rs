//! The best networks of a family: accuracy against encrypted time.

use std::path::Path;

use fhe_nn_proof::graph::Graph;
use fhe_nn_proof::plan::{Options, Plan};
use fhe_nn_proof::spec::Spec;
use ndarray::Array2;

use super::examples::Examples;
use super::plot::{Axis, Plot, Series, svg};
use super::trainable::Trainable;
use super::trainer::Trainer;
use super::{Device, Family};
use crate::quantize::quantize;
use crate::{Calibration, Error, Floats, file};

/// Weights that were not trained make more noise than trained ones: a member is not trained if so many times the budget
/// would not suffice for it.
const BEGINS: f64 = 1.5;

/// How a family is searched: every member that fits the budget is trained and planned.
#[derive(Clone)]
pub struct Search<'a> {
    /// How each member is trained; all of them without a checkpoint, which is of one network.
    pub trainer: Trainer<'a>,
    /// Seconds that an encrypted inference may take, as its plan predicts.
    pub budget: f64,
    /// The threads that it runs on.
    pub threads: usize,
    /// What is asked of its parameters.
    pub options: Options,
    /// Sets what a member is trained with: precision, scales, pruning.
    pub prepare: &'a dyn Fn(&mut Trainable),
    /// Where members are trained.
    pub device: Device,
}

/// A trained member of a family.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What it is: [`Spec::declaration`] is the struct to paste.
    pub spec: Spec,
    /// Its floats, to be quantized with [`Trainer::samples`].
    pub floats: Floats,
    /// The part of the validation examples that its integers get right.
    pub accuracy: f64,
    /// Seconds of an encrypted inference, as its plan predicts.
    pub seconds: f64,
    /// Its parameters.
    pub plan: Plan,
}

/// A member that was left out, and why.
#[derive(Debug)]
pub struct Refused {
    /// What it is.
    pub spec: Spec,
    /// `None` if it takes so much longer than the budget that it was not trained.
    pub error: Option<Error>,
}

/// What a search found.
#[derive(Debug)]
pub struct Front {
    /// All that were trained and are fast enough, in the order of the family.
    pub candidates: Vec<Candidate>,
    /// All that were trained and turned out to be too slow.
    pub slow: Vec<Candidate>,
    /// All that were not trained, or do not keep what they promise.
    pub refused: Vec<Refused>,
}

impl Search<'_> {
    /// Trains the members of a family that are fast enough.
    ///
    /// `found` is called with each as soon as it is trained.
    ///
    /// # Errors
    /// Those of [`Family::members`] and of [`Trainer::fit`]. Members that diverge or have no parameters are refused, and
    /// the search goes on.
    pub fn run(
        &self,
        family: &Family,
        training: &Examples<'_>,
        validation: &Examples<'_>,
        mut found: impl FnMut(&Candidate),
    ) -> Result<Front, Error> {
        let trainer = Trainer {
            checkpoint: None,
            ..self.trainer.clone()
        };
        let samples = trainer.samples(training);
        let mut front = Front {
            candidates: Vec::new(),
            slow: Vec::new(),
            refused: Vec::new(),
        };
        for spec in family.members()? {
            let mut module = Trainable::new(&spec, Vec::new(), &self.device, self.trainer.seed)?;
            (self.prepare)(&mut module);
            // without scales there is no plan, and nothing would be known to be too slow
            let begins = match module.calibrate(&samples) {
                Ok(()) => self.planned(&spec, &module, &samples),
                Err(error) => Err(error),
            };
            if let Ok((_, plan)) = &begins
                && plan.predicted_seconds(self.threads) > BEGINS * self.budget
            {
                front.refused.push(Refused { spec, error: None });
                continue;
            }
            let history = match trainer.fit(&mut module, training, Some(validation)) {
                Ok(history) => history,
                Err(error @ (Error::Diverged { .. } | Error::Model(_))) => {
                    let error = Some(error);
                    front.refused.push(Refused { spec, error });
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.planned(&spec, &module, &samples) {
                Ok((floats, plan)) => {
                    let candidate = Candidate {
                        spec,
                        floats,
                        accuracy: history.accuracy().unwrap_or(0.0),
                        seconds: plan.predicted_seconds(self.threads),
                        plan,
                    };
                    found(&candidate);
                    match candidate.seconds <= self.budget {
                        true => front.candidates.push(candidate),
                        false => front.slow.push(candidate),
                    }
                }
                Err(error) => front.refused.push(Refused {
                    spec,
                    error: Some(error),
                }),
            }
        }
        Ok(front)
    }

    fn planned(
        &self,
        spec: &Spec,
        module: &Trainable,
        samples: &Array2<f32>,
    ) -> Result<(Floats, Plan), Error> {
        let floats = module.floats()?;
        let (parts, _) = quantize(spec, &floats, &[], samples.view(), &Calibration::default())?;
        let (_, plan) = Graph::new(spec, &parts)?.plan(&self.options)?;
        Ok((floats, plan))
    }
}

impl Front {
    /// Those than which no other is both faster and more accurate, the fastest first.
    pub fn pareto(&self) -> Vec<&Candidate> {
        let mut sorted: Vec<&Candidate> = self.candidates.iter().collect();
        sorted.sort_by(|a, b| {
            a.seconds
                .total_cmp(&b.seconds)
                .then(b.accuracy.total_cmp(&a.accuracy))
        });
        let mut best = f64::NEG_INFINITY;
        sorted.retain(|candidate| {
            let is_better = candidate.accuracy > best;
            best = best.max(candidate.accuracy);
            is_better
        });
        sorted
    }

    /// Accuracy against seconds, as an SVG image.
    pub fn svg(&self) -> String {
        let point = |candidate: &&Candidate| (candidate.seconds, 100.0 * candidate.accuracy);
        let all: Vec<&Candidate> = self.candidates.iter().collect();
        let all = Series {
            is_joined: false,
            ..Series::line("trained", all.iter().map(point).collect())
        };
        svg(&[Plot {
            title: "networks of a family".to_owned(),
            x: Axis::logarithmic("seconds of an encrypted inference, predicted"),
            y: Axis::linear("validation examples right, %"),
            series: vec![
                all,
                Series::line("best", self.pareto().iter().map(point).collect()),
            ],
        }])
    }

    /// Writes [`Front::svg`] to a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.svg().as_bytes())
    }
}
