//! The accuracy of a module on examples.

use candle_core::D;
use ndarray::Axis;

use super::examples::Examples;
use crate::Error;
use crate::train::error::{TrainError, tensor_operation};
use crate::train::forward::Mode;
use crate::train::trainable::Trainable;

/// Number of inputs in one pass.
const PASS: usize = 500;

/// The fraction of the examples whose class has the greatest score.
///
/// # Errors
/// [`TrainError::NoExamples`], [`TrainError::ClassWithoutScore`], and those of [`Trainable::scores`].
pub fn accuracy(module: &Trainable, examples: &Examples<'_>) -> Result<f64, Error> {
    check(module, examples)?;
    let mut right = 0;
    let inputs = examples.inputs();
    for (rows, labels) in inputs
        .axis_chunks_iter(Axis(0), PASS)
        .zip(examples.labels().chunks(PASS))
    {
        let scores = module.pass(rows, Mode::Exact, 0)?.reals;
        let best = scores.argmax(D::Minus1);
        let best = best.and_then(|best| best.to_vec1::<u32>());
        let best = best.map_err(tensor_operation)?;
        right += best
            .iter()
            .zip(labels)
            .filter(|(best, label)| best == label)
            .count();
    }
    Ok(right as f64 / examples.len() as f64)
}

/// Refuses an empty set of examples, which has no accuracy, and classes without a score.
pub(super) fn check(module: &Trainable, examples: &Examples<'_>) -> Result<(), TrainError> {
    let network = || module.spec().name.to_string();
    if examples.is_empty() {
        return Err(TrainError::NoExamples { network: network() });
    }
    let scores = module.facts.last().map_or(0, |scores| scores.len());
    let beyond = |&label: &u32| label as usize >= scores;
    match examples.labels().iter().position(beyond) {
        None => Ok(()),
        Some(example) => Err(TrainError::ClassWithoutScore {
            network: network(),
            example,
            class: examples.labels()[example],
            scores,
        }),
    }
}
