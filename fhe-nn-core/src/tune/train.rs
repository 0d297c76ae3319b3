//! Training at found widths: declarations that lose a little too much may learn not to.

use candle_core::Device;
use ndarray::{Array2, ArrayView2};

use super::choose::{Finalist, finalist, promise};
use super::error::TuneError;
use super::promise::Promise;
use super::split::Split;
use super::trial::{Bench, Trial};
use super::tuner::Tuner;
use crate::quantize::Float;
use crate::quantize::float_scores;
use crate::train::{Examples, Teacher, TrainError, Trainable, Trainer};
use crate::{Error, Floats};

/// A declaration is trained if it loses at most this much beyond three times what is allowed.
const ROOM: f64 = 0.1;
/// Rounds over the rows, and rows of a step.
const EPOCHS: usize = 40;
pub(super) const BATCH: usize = 32;
/// The learning rate: a third of the default, because weights are trained on and not anew.
const RATE: f64 = 1.5e-3;
/// The weight of the float network's scores beside the labels.
const TEACHER: f64 = 0.5;

/// Trains the fastest declarations that lose a little too much, and returns the fastest that then keeps the promise,
/// with its floats; `None` if none is faster than what was chosen.
///
/// # Errors
/// [`TuneError::CustomFunctions`], and those of training.
pub(super) fn train(
    tuner: &Tuner<'_>,
    bench: &Bench<'_>,
    split: &Split,
    trials: &[Trial],
    chosen: Option<&(Finalist, Promise)>,
    checked: &mut usize,
) -> Result<Option<(Finalist, Promise, Floats)>, Error> {
    check_functions(bench)?;
    let most = chosen.map_or(f64::INFINITY, |(finalist, _)| finalist.seconds);
    let front = Trial::front(trials).into_iter();
    let mut worth: Vec<&Trial> = front
        .filter(|trial| trial.seconds < most && trial.guide <= 3.0 * tuner.loss + ROOM)
        .collect();
    // those that lose least are the likeliest to learn it
    worth.reverse();
    worth.truncate(tuner.trained);
    let (rows, labels) = split.training();
    let [_, second] = &split.folds;
    let held = second.labels();
    let training = Examples::new(rows.view(), &labels)?;
    let validation = Examples::new(second.rows.view(), &held)?;
    let teach = |inputs: ArrayView2<'_, f32>| -> Result<Array2<f32>, Error> {
        let Float { spec, floats, .. } = bench.float;
        Ok(float_scores(spec, &[], floats, inputs)?.mapv(|score| score as f32))
    };
    let trainer = Trainer::new()
        .with_epochs(EPOCHS)
        .with_batch(BATCH.min(labels.len()))
        .with_rate(RATE)
        .with_seed(tuner.seed)
        .with_progress(false)
        .with_teacher(Teacher::new(&teach).with_weight(TEACHER));
    let mut best: Option<(Finalist, Promise, Floats)> = None;
    for trial in worth {
        let mut module = Trainable::new(&trial.spec, Vec::new(), &Device::Cpu, tuner.seed)?;
        module.load(bench.float.floats, trainer.samples(&training).view())?;
        match trainer.fit(&mut module, &training, Some(&validation)) {
            Ok(_) => {}
            Err(Error::Train(TrainError::Diverged { .. }) | Error::Model(_)) => continue,
            Err(error) => return Err(error),
        }
        let floats = module.floats()?;
        let own = bench.with_floats(&floats);
        let Ok(finalist) = finalist(&own, split, trial) else {
            continue;
        };
        // the loss on the rows that the epochs were compared on
        let loss = own.loss(&finalist.model, &finalist.plan, second)?;
        let least = best.as_ref().map_or(most, |(best, ..)| best.seconds);
        if loss.counted() > tuner.loss || finalist.seconds >= least {
            continue;
        }
        *checked += 1;
        let promise = promise(&own, split, &finalist, *checked)?;
        if promise.loss() <= tuner.loss {
            best = Some((finalist, promise, floats));
        }
    }
    Ok(best)
}

/// Refuses networks with functions of their own.
///
/// # Errors
/// [`TuneError::CustomFunctions`].
pub(super) fn check_functions(bench: &Bench<'_>) -> Result<(), TuneError> {
    if bench.float.functions.is_empty() {
        return Ok(());
    }
    let network = bench.float.spec.name.to_string();
    Err(TuneError::CustomFunctions { network })
}
