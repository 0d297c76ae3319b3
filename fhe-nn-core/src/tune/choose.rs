//! From trials to one declaration that keeps its promise.

use fhe_nn_proof::plan::Plan;

use super::promise::Promise;
use super::split::Split;
use super::trial::{Bench, Trial};
use crate::parallel::*;
use crate::{Calibration, Error, Model};

/// A declaration with its model, calibrated on all rows but those that are held out.
pub(super) struct Finalist {
    pub(super) model: Model,
    pub(super) plan: Plan,
    pub(super) seconds: f64,
    pub(super) calibration: Calibration,
    /// What the search went by.
    guide: f64,
}

/// What a declaration must keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) loss: f64,
    pub(super) seconds: Option<f64>,
    pub(super) key_bytes: Option<u64>,
}

impl Wanted {
    /// Whether a finalist keeps to the seconds and the key size.
    pub(super) fn has_room_for(&self, finalist: &Finalist) -> bool {
        let bytes = finalist.plan.evaluation_key_bytes();
        self.seconds.is_none_or(|most| finalist.seconds <= most)
            && self.key_bytes.is_none_or(|most| bytes <= most)
    }
}

/// Number of declarations that are calibrated on all rows at a time: their times are then not quite the same.
const AT_ONCE: usize = 32;
/// The most of them, before the search is said to have failed.
const MOST: usize = 320;
/// The most declarations whose promise is checked.
const CHECKED: usize = 8;

/// The fastest declaration that keeps what is wanted, with its promise; `None` if none that was tried does. Behind one
/// that loses too much on the rows that are held out, the next must have lost less where it was searched.
///
/// # Errors
/// Those of quantizing, planning and running a declaration that was quantized, planned and run before.
pub(super) fn choose(
    bench: &Bench<'_>,
    split: &Split,
    trials: &[Trial],
    wanted: Wanted,
    checked: &mut usize,
) -> Result<Option<(Finalist, Promise)>, Error> {
    let mut candidates: Vec<&Trial> = trials
        .iter()
        .filter(|trial| trial.guide <= wanted.loss)
        .collect();
    candidates.sort_by(|a, b| {
        let losses = || a.guide.total_cmp(&b.guide);
        a.seconds.total_cmp(&b.seconds).then_with(losses)
    });
    candidates.truncate(MOST);
    let mut most = wanted.loss;
    for some in candidates.chunks(AT_ONCE) {
        let some = some.iter().copied().filter(|trial| trial.guide <= most);
        let finalists = some.collect::<Vec<&Trial>>().into_par_iter();
        let finalists = finalists.map(|trial| finalist(bench, split, trial).ok());
        let finalists: Vec<Option<Finalist>> = finalists.collect();
        let finalists = finalists.into_iter().flatten();
        let mut finalists: Vec<Finalist> = finalists
            .filter(|finalist| wanted.has_room_for(finalist))
            .collect();
        finalists.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        for finalist in finalists {
            if finalist.guide > most {
                continue;
            }
            if *checked == CHECKED {
                return Ok(None);
            }
            *checked += 1;
            let promise = promise(bench, split, &finalist, *checked)?;
            if promise.loss() <= wanted.loss {
                return Ok(Some((finalist, promise)));
            }
            most = safer(split.held_out.len()) * finalist.guide.max(0.0);
        }
    }
    Ok(None)
}

/// The part of the loss of a declaration that did not keep its promise on this number of rows which the next may have: of
/// few rows, a failure says little about how much safer the next must be, and another may not be afforded.
fn safer(rows: usize) -> f64 {
    1.0 - 0.5 * (50.0 / rows.max(1) as f64).min(1.0)
}

/// Calibrates a declaration on all rows but those that are held out, and plans it.
///
/// # Errors
/// Those of quantizing and planning.
pub(super) fn finalist(bench: &Bench<'_>, split: &Split, trial: &Trial) -> Result<Finalist, Error> {
    let model = bench.model(&trial.spec, &trial.calibration, split.seen.view())?;
    let plan = model.plan(&bench.options)?;
    Ok(Finalist {
        seconds: plan.predicted_seconds(bench.threads),
        calibration: trial.calibration,
        guide: trial.guide,
        model,
        plan,
    })
}

/// What a finalist does on the rows that are held out.
///
/// # Errors
/// Those of running.
pub(super) fn promise(
    bench: &Bench<'_>,
    split: &Split,
    finalist: &Finalist,
    checked: usize,
) -> Result<Promise, Error> {
    let loss = bench.loss(&finalist.model, &finalist.plan, &split.held_out)?;
    Ok(Promise::new(&loss, checked))
}
