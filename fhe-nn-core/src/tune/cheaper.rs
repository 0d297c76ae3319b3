//! Cheaper layers where widths alone are not enough: activations and pools are replaced, and the weights are trained.

use std::ops::ControlFlow;

use super::choose::{Finalist, Wanted, finalist, promise};
use super::promise::Promise;
use super::split::Split;
use super::train::{BATCH, check_functions};
use super::trial::{Bench, Trial};
use super::tuner::Tuner;
use crate::train::{Candidate, Examples, Search, Trainable, Trainer, WeightScales};
use crate::{Calibration, Error, Floats};

/// The most networks whose promise is checked.
const CHECKED: usize = 8;
/// The part of the seconds that the search keeps to: scales that are found on all rows change the time a little.
const ROOM: f64 = 0.97;

/// Makes the float network cheaper, layer by layer, until it takes the seconds that are wanted, and returns the most accurate
/// network that keeps its promise, with its floats; `None` if none does.
///
/// # Errors
/// [`TuneError::CustomFunctions`](super::TuneError::CustomFunctions), and those of [`Search::cheaper`].
pub(super) fn cheaper(
    tuner: &Tuner<'_>,
    bench: &Bench<'_>,
    split: &Split,
    trials: &[Trial],
    wanted: Wanted,
    checked: &mut usize,
) -> Result<Option<(Finalist, Promise, Floats)>, Error> {
    check_functions(bench)?;
    let (rows, labels) = split.training();
    let [_, second] = &split.folds;
    let held = second.labels();
    let training = Examples::new(rows.view(), &labels)?;
    let validation = Examples::new(second.rows.view(), &held)?;
    let trainer = Trainer::new()
        .with_epochs(tuner.cheaper)
        .with_batch(BATCH.min(labels.len()))
        .with_seed(tuner.seed)
        .with_progress(false);
    // small integers have small noise, which gives the same accuracy faster
    let prepare = |module: Trainable| module.with_weight_scales(WeightScales::Greatest);
    let search = Search::new()
        .with_trainer(trainer)
        .with_budget(ROOM * wanted.seconds.unwrap_or(f64::INFINITY))
        .with_threads(tuner.threads)
        .with_plan_options(tuner.options)
        .with_prepare(&prepare);
    // the widths of the declaration mean nothing, and those that lose least begin nearest to the floats
    let least = trials.iter().min_by(|a, b| a.guide.total_cmp(&b.guide));
    let spec = least.map_or(bench.float.spec, |trial| &trial.spec);
    let count = tuner.watch.count(tuner.trials);
    let mut cancelled = Ok(());
    let front = search.cheaper(spec, bench.float.floats, &training, &validation, |_| {
        cancelled = count.check();
        match cancelled {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    cancelled?;
    for Candidate { spec, floats, .. } in front.pareto().into_iter().rev().take(CHECKED) {
        let own = bench.with_floats(floats);
        let Ok(Some(trial)) = own.tried(spec.clone(), Calibration::new(), &split.folds, 1.0) else {
            continue;
        };
        let Ok(finalist) = finalist(&own, split, &trial) else {
            continue;
        };
        if !wanted.has_room_for(&finalist) {
            continue;
        }
        *checked += 1;
        let promise = promise(&own, split, &finalist, *checked)?;
        if promise.loss() <= wanted.loss {
            return Ok(Some((finalist, promise, floats.clone())));
        }
    }
    Ok(None)
}
