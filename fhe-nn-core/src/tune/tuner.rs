//! The options of a tuning, and its course.

use std::time::{Duration, Instant};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::plan::PlanOptions;
use fhe_nn_proof::spec::Spec;
use ndarray::ArrayView2;

use super::choose::{Wanted, choose};
use super::error::TuneError;
use super::knobs::Knobs;
use super::search::Search;
use super::split::Split;
use super::trial::{Bench, Trial, caution, rounding};
use super::tuned::Tuned;
use crate::quantize::{CustomFn, Float, float_scores};
use crate::run::{class, classes};
use crate::watch::Watch;
use crate::{Error, Floats};

/// Finds the bit-widths of a declaration: the least predicted time that loses no more accuracy than is allowed.
///
/// ```
/// use std::time::Duration;
/// use fhe_nn_core::tune::Tuner;
///
/// let tuner = Tuner::new()
///     .with_loss(0.02) // two rows in a hundred
///     .with_seconds(1.0) // and at most a second, or an error
///     .with_time_limit(Duration::from_secs(60))
///     .with_seed(1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Tuner<'a> {
    pub(super) loss: f64,
    pub(super) seconds: Option<f64>,
    pub(super) key_bytes: Option<u64>,
    pub(super) approximate: bool,
    pub(super) trials: usize,
    pub(super) limit: Duration,
    pub(super) threads: usize,
    pub(super) seed: u64,
    pub(super) options: PlanOptions,
    #[cfg(feature = "train")]
    pub(super) trained: usize,
    #[cfg(feature = "train")]
    pub(super) cheaper: usize,
    pub(super) watch: Watch<'a>,
}

impl Default for Tuner<'_> {
    fn default() -> Self {
        Tuner {
            loss: 0.01,
            seconds: None,
            key_bytes: None,
            approximate: false,
            trials: 1200,
            limit: Duration::from_secs(110),
            threads: 2,
            seed: 0,
            options: PlanOptions::default(),
            #[cfg(feature = "train")]
            trained: 0,
            #[cfg(feature = "train")]
            cheaper: 0,
            watch: Watch::default(),
        }
    }
}

impl<'a> Tuner<'a> {
    /// A loss of one row in a hundred, exact rounding, 1,200 trials and 110 seconds at most, and times of two threads.
    pub fn new() -> Self {
        Tuner::default()
    }

    /// Sets the fraction of rows that may be lost, 0 to 1: with labels, the accuracy of the floats less that of the
    /// integers; without, the fraction that gets another greatest score.
    pub fn with_loss(mut self, loss: f64) -> Self {
        self.loss = loss;
        self
    }

    /// Sets the predicted seconds that an encrypted inference may take; by default, any.
    pub fn with_seconds(mut self, seconds: f64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// Sets the bytes that the evaluation key may have on the wire; by default, any.
    /// [`Prefer::SmallestKeys`](crate::plan::Prefer::SmallestKeys) among the options of plans makes keys small.
    pub fn with_key_bytes(mut self, bytes: u64) -> Self {
        self.key_bytes = Some(bytes);
        self
    }

    /// Sets whether tables round approximately, so that encrypted results differ from clear ones now and then; by
    /// default, they do not. Declarations are then compared in simulated runs.
    pub fn with_approximate(mut self, approximate: bool) -> Self {
        self.approximate = approximate;
        self
    }

    /// Sets the number of declarations that are tried.
    pub fn with_trials(mut self, trials: usize) -> Self {
        self.trials = trials;
        self
    }

    /// Sets the time after which no further declaration is tried. A search that ends before it is the same on every
    /// machine.
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the number of threads for which times are predicted; by default, 2.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the seed of the search, and of how rows are split.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the options of plans: the failure probability, and what to save.
    pub fn with_plan_options(mut self, options: PlanOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets how many declarations are trained on at their widths, behind the search; by default, none. They are the
    /// fastest that lose a little too much as they are. If one of them then keeps the promise and is faster, it is
    /// what is returned, with its floats.
    #[cfg(feature = "train")]
    pub fn with_trained(mut self, declarations: usize) -> Self {
        self.trained = declarations;
        self
    }

    /// Sets the rounds for which networks with cheaper activations and pools are trained, if nothing else keeps to
    /// [`with_seconds`](Tuner::with_seconds): 0, the default, for no such networks, and 60 for a first attempt. The most
    /// accurate that keeps the promise is what is returned, with its floats. It trains tens of networks, which
    /// [`with_time_limit`](Tuner::with_time_limit) does not count; [`Search::cheaper`](crate::train::Search::cheaper) says
    /// which.
    #[cfg(feature = "train")]
    pub fn with_cheaper(mut self, epochs: usize) -> Self {
        self.cheaper = epochs;
        self
    }

    /// Sets who hears of the progress, in trials, and may cancel.
    pub fn with_watch(mut self, watch: Watch<'a>) -> Self {
        self.watch = watch;
        self
    }

    /// Finds the widths of a declaration, whose own widths do not matter. `functions` are those of its `Custom`
    /// layers, in their order; [`Network::quantize_with`](crate::Network::quantize_with) says how floats are named.
    ///
    /// # Shapes
    /// `rows`: `[rows, values of one input]`; `labels`: `[rows]`, classes from 0. A network with one score says class
    /// 1 where it is positive.
    ///
    /// # Errors
    /// [`TuneError`] if there are too few rows, or if nothing that was tried keeps the promise;
    /// [`Error::Labels`] if labels and rows do not go together; [`Error::Cancelled`], and those of
    /// [`Model::float_scores`](crate::Model::float_scores).
    pub fn run(
        &self,
        spec: &Spec,
        functions: &[CustomFn<'_>],
        floats: &Floats,
        rows: ArrayView2<'_, f32>,
        labels: Option<&[u32]>,
    ) -> Result<Tuned, Error> {
        let begin = Instant::now();
        if !(0.0..=1.0).contains(&self.loss) {
            return Err(TuneError::Loss { loss: self.loss }.into());
        }
        spec.check_numbers()?;
        spec.flow().map_err(|at| ModelError::flow(spec, at))?;
        let scores = float_scores(spec, functions, floats, rows)?;
        let targets = match labels {
            Some(labels) => classes(labels, rows.nrows(), scores.ncols())?,
            None => scores
                .rows()
                .into_iter()
                .map(|row| class(row.iter().copied()))
                .collect(),
        };
        let split = Split::new(rows, &scores, &targets, self.seed)?;
        let float = Float {
            spec,
            floats,
            functions,
        };
        let knobs = Knobs::new(&float)?;
        let bench = Bench {
            float,
            options: self.options,
            threads: self.threads,
            seed: self.seed,
            caution: caution(split.seen.nrows()),
        };
        let search = Search {
            knobs: &knobs,
            bench: &bench,
            split: &split,
            rounding: rounding(self.approximate),
            loss: self.loss,
            trials: self.trials,
            ends: begin + self.limit,
            seed: self.seed,
        };
        let trials = search.run(&self.watch.count(self.trials))?;
        let wanted = Wanted {
            loss: self.loss,
            seconds: self.seconds,
            key_bytes: self.key_bytes,
        };
        let mut checked = 0;
        let chosen = choose(&bench, &split, &trials, wanted, &mut checked)?;
        #[cfg(feature = "train")]
        if self.trained > 0 {
            let trained =
                super::train::train(self, &bench, &split, &trials, chosen.as_ref(), &mut checked)?;
            if let Some((finalist, promise, floats)) = trained {
                let tuned = Tuned::new(self, finalist, promise, trials, begin.elapsed());
                return Ok(tuned.with_floats(floats));
            }
        }
        #[cfg(feature = "train")]
        if chosen.is_none() && self.cheaper > 0 && self.seconds.is_some() {
            let cheaper =
                super::cheaper::cheaper(self, &bench, &split, &trials, wanted, &mut checked)?;
            if let Some((finalist, promise, floats)) = cheaper {
                let tuned = Tuned::new(self, finalist, promise, trials, begin.elapsed());
                return Ok(tuned.with_floats(floats));
            }
        }
        match chosen {
            Some((finalist, promise)) => {
                Ok(Tuned::new(self, finalist, promise, trials, begin.elapsed()))
            }
            None => Err(self.not_kept(spec, &trials).into()),
        }
    }

    fn not_kept(&self, spec: &Spec, trials: &[Trial]) -> TuneError {
        let network = spec.name.to_string();
        let least = trials.iter().min_by(|a, b| a.guide.total_cmp(&b.guide));
        let seconds = self.seconds.map(|most| format!(" within {most} s"));
        let bytes = self
            .key_bytes
            .map(|most| format!(" and keys of {most} bytes"));
        match least {
            None => TuneError::Hopeless {
                network,
                trials: self.trials,
            },
            Some(least) => TuneError::NotKept {
                network,
                trials: trials.len(),
                allowed: self.loss,
                within: [seconds, bytes].into_iter().flatten().collect(),
                least: least.guide,
                seconds: least.seconds,
            },
        }
    }
}
