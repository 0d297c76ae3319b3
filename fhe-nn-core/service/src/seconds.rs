//! What approximate rounding would save.

use fhe_nn_core::{Model, PlanOptions};

/// The predicted seconds of an inference whose tables round approximately; `None` if no table drops bits, if they do so
/// already, or if there are no parameters.
pub(crate) fn approximate(model: &Model, options: &PlanOptions, threads: usize) -> Option<f64> {
    let plan = model.approximate()?.plan(options).ok()?;
    Some(plan.predicted_seconds(threads))
}

/// The line that tells of it, or nothing.
pub(crate) fn told(seconds: Option<f64>) -> String {
    let told = |seconds| {
        format!(
            "  with `rounding = approximate`: {seconds:.3} s; encrypted results then differ from clear ones now and then\n"
        )
    };
    seconds.map(told).unwrap_or_default()
}
