//! Running a [`Model`](crate::Model): in the clear, simulated, and encrypted.

mod accuracy;
mod clear;
#[cfg(feature = "engine")]
mod encrypted;
#[cfg(feature = "engine")]
mod execution;
mod simulated;

#[cfg(any(feature = "client", feature = "engine", feature = "tune"))]
pub use crate::watch::{Progress, Watch};
pub use accuracy::accuracy;
#[cfg(feature = "tune")]
pub(crate) use accuracy::{class, classes};
#[cfg(feature = "engine")]
pub(crate) use execution::Running;
#[cfg(feature = "engine")]
pub use execution::{Execution, Profile, Work};

use fhe_nn_proof::graph::Graph;
use fhe_nn_proof::plan::Plan;
use ndarray::{ArrayView2, Axis};

use crate::Error;
use crate::parallel::*;

/// Checks that a plan, or the key that was made for it, serves a network.
///
/// # Errors
/// [`Error::WrongPlan`] if it was made for another network or other weights, and [`Error::Model`] if an
/// accumulator is wider than can be read encrypted.
fn check_serves(plan: &Plan, graph: &Graph<'_>, what: &'static str) -> Result<(), Error> {
    if plan.serves(&graph.requirements(graph.fingerprint())?) {
        return Ok(());
    }
    let of = "the network";
    Err(Error::WrongPlan { what, of })
}

/// The number of inputs that a backend in the clear takes at once. They are few enough that their values
/// stay in cache.
const CLEAR_BATCH: usize = 256;

/// Runs a job on every batch of inputs, with the batch's index. The results are in the order of the inputs.
///
/// # Errors
/// Those of the job.
fn batches<R: Send>(
    inputs: ArrayView2<'_, f32>,
    job: impl Fn(usize, ArrayView2<'_, f32>) -> Result<Vec<R>, Error> + Sync + Send,
) -> Result<Vec<R>, Error> {
    let batches = inputs
        .axis_chunks_iter(Axis(0), CLEAR_BATCH)
        .into_par_iter();
    let results = batches.enumerate().map(|(index, rows)| job(index, rows));
    let results: Vec<Vec<R>> = results.collect::<Result<_, Error>>()?;
    Ok(results.into_iter().flatten().collect())
}
