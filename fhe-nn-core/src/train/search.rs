//! Searching a family for its best networks: accuracy against encrypted time.

mod change;
mod cheaper;
mod family;
mod front;
mod least_squares;
mod refit;

use candle_core::Device;
use fhe_nn_proof::graph::Graph;
use fhe_nn_proof::plan::{Plan, PlanOptions};
use fhe_nn_proof::spec::Spec;
use ndarray::Array2;

pub use self::family::{Family, Number};
pub use self::front::{Candidate, Front, Refused};
use super::error::TrainError;
use super::fit::{Examples, Trainer};
use super::trainable::Trainable;
use crate::quantize::quantize;
use crate::{Calibration, Error, Floats};

/// Searches for networks that fit a time budget: trains and plans the members of a family with [`run`](Search::run), or
/// makes a trained network cheaper with [`cheaper`](Search::cheaper).
///
/// ```no_run
/// # use fhe_nn_core::prelude::*;
/// use fhe_nn_core::train::{Examples, Family, Number, Search, Trainer, WeightScales};
///
/// # fn search(spec: &fhe_nn_core::Spec, training: &Examples<'_>, held_out: &Examples<'_>) -> Result<(), fhe_nn_core::Error> {
/// let family = Family::new(spec).vary("hidden", Number::Neurons, [32, 64, 96]);
/// let front = Search::new()
///     .with_trainer(Trainer::new().with_epochs(10))
///     .with_budget(0.5)
///     .with_prepare(&|module| module.with_weight_scales(WeightScales::Greatest))
///     .run(&family, training, held_out, |found| println!("{:.4}", found.accuracy))?;
/// front.save_svg("front.svg")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Search<'a> {
    trainer: Trainer<'a>,
    budget: f64,
    threads: usize,
    options: PlanOptions,
    prepare: &'a dyn Fn(Trainable) -> Trainable,
    device: Device,
    changed: Vec<String>,
}

/// Random weights make more noise than trained ones, so a member that begins with them is trained if its plan then takes at
/// most this multiple of the budget.
const MARGIN: f64 = 1.5;

impl Default for Search<'_> {
    fn default() -> Self {
        Search {
            trainer: Trainer::default(),
            budget: f64::INFINITY,
            threads: 1,
            options: PlanOptions::default(),
            prepare: &|module| module,
            device: Device::Cpu,
            changed: Vec::new(),
        }
    }
}

impl<'a> Search<'a> {
    /// A search without a time budget, with the default trainer and plan options.
    pub fn new() -> Self {
        Search::default()
    }

    /// Sets how each member is trained; by default, as [`Trainer::new`] does. A search does not write
    /// checkpoints.
    pub fn with_trainer(mut self, trainer: Trainer<'a>) -> Self {
        self.trainer = trainer;
        self
    }

    /// Sets the seconds that an encrypted inference may take according to its plan; by default, the time is
    /// not limited.
    pub fn with_budget(mut self, seconds: f64) -> Self {
        self.budget = seconds;
        self
    }

    /// Sets the number of threads for which times are predicted; by default, 1.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the requirements on the members' plans.
    pub fn with_plan_options(mut self, options: PlanOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets a function that prepares each member before it is trained, by [`Trainable::with_weight_scales`] for
    /// example; by default, a member is trained as it is.
    pub fn with_prepare(mut self, prepare: &'a dyn Fn(Trainable) -> Trainable) -> Self {
        self.prepare = prepare;
        self
    }

    /// Sets the activations and pools that [`cheaper`](Search::cheaper) may replace, by their fields; by default, all of them.
    pub fn with_changed<S: Into<String>>(mut self, fields: impl IntoIterator<Item = S>) -> Self {
        self.changed = fields.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the device on which members are trained; by default, the processor.
    pub fn with_device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Trains the members of a family that are fast enough, and calls `found` with each as soon as it is trained.
    ///
    /// The search goes on if a member diverges or has no parameters; the result names it among the refused.
    ///
    /// # Errors
    /// Those of [`Family::members`] and of [`Trainer::fit`].
    pub fn run(
        &self,
        family: &Family,
        training: &Examples<'_>,
        validation: &Examples<'_>,
        mut found: impl FnMut(&Candidate),
    ) -> Result<Front, Error> {
        let samples = self.trainer.samples(training);
        let mut front = Front::new();
        for spec in family.members()? {
            let member = Member {
                spec,
                floats: None,
                most: self.budget,
            };
            let trained = self.train(member, (training, validation), &samples, &mut front)?;
            if let Some(candidate) = trained {
                found(&candidate);
                front.push(candidate, self.budget);
            }
        }
        Ok(front)
    }

    /// Trains a network and plans it. The result is `None` if it is refused, which `front` then says.
    ///
    /// # Errors
    /// Those of [`Trainer::fit`], but for a training that diverges.
    fn train(
        &self,
        Member { spec, floats, most }: Member<'_>,
        (training, validation): (&Examples<'_>, &Examples<'_>),
        samples: &Array2<f32>,
        front: &mut Front,
    ) -> Result<Option<Candidate>, Error> {
        let trainer = self.trainer.clone().without_checkpoint();
        let module = Trainable::new(&spec, Vec::new(), &self.device, trainer.seed())?;
        let mut module = (self.prepare)(module);
        // a plan needs scales, and tells which members are far too slow
        let begins = match floats {
            Some(floats) => module.load(floats, samples.view()),
            None => module.calibrate(samples.view()),
        };
        match begins {
            Ok(()) => {}
            Err(error @ Error::Model(_)) => {
                front.refuse(spec, error);
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let margin = if floats.is_some() { 1.0 } else { MARGIN };
        if let Ok((_, plan)) = self.planned(&spec, &module, samples)
            && plan.predicted_seconds(self.threads) > margin * most
        {
            front.refuse(spec, None);
            return Ok(None);
        }
        let history = match trainer.fit(&mut module, training, Some(validation)) {
            Ok(history) => history,
            Err(error @ (Error::Train(TrainError::Diverged { .. }) | Error::Model(_))) => {
                front.refuse(spec, error);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match self.planned(&spec, &module, samples) {
            Ok((floats, plan)) => Ok(Some(Candidate {
                spec,
                floats,
                accuracy: history.accuracy().unwrap_or(0.0),
                seconds: plan.predicted_seconds(self.threads),
                plan,
            })),
            Err(error) => {
                front.refuse(spec, error);
                Ok(None)
            }
        }
    }

    fn planned(
        &self,
        spec: &Spec,
        module: &Trainable,
        samples: &Array2<f32>,
    ) -> Result<(Floats, Plan), Error> {
        let floats = module.floats()?;
        let plan = self.plan_of(spec, &floats, samples)?;
        Ok((floats, plan))
    }

    fn plan_of(&self, spec: &Spec, floats: &Floats, samples: &Array2<f32>) -> Result<Plan, Error> {
        let (parts, _) = quantize(spec, floats, &[], samples.view(), &Calibration::default())?;
        let (_, plan) = Graph::new(spec, &parts)?.plan(&self.options)?;
        Ok(plan)
    }
}

/// A network that is to be trained.
struct Member<'a> {
    spec: Spec,
    /// What its weights begin with; random ones if there is nothing.
    floats: Option<&'a Floats>,
    /// The seconds that it may take.
    most: f64,
}
