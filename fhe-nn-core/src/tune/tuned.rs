//! What a tuning returns.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use fhe_nn_proof::plan::Plan;
use fhe_nn_proof::spec::{Op, Spec};

use super::choose::Finalist;
use super::promise::Promise;
use super::trial::Trial;
use super::tuner::Tuner;
use crate::plot::{Axis, Plot, Series, svg};
use crate::{Calibration, Error, Floats, Model, file};

/// A declaration with found widths, its model and plan, what it promises, and everything that was tried.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tuned {
    /// The declaration. [`Spec::declaration`] prints it as a struct to paste.
    pub spec: Spec,
    /// The model, calibrated on all rows but those that were held out.
    pub model: Model,
    /// How its scales were found from rows, for [`Model::quantize_with`].
    pub calibration: Calibration,
    /// The plan: parameters, seconds, key sizes.
    pub plan: Plan,
    /// What the model did on the rows that were held out.
    pub promise: Promise,
    /// The floats that the model was quantized from, if they were trained on; else they are those that were given.
    pub floats: Option<Floats>,
    /// The declarations that were tried and can run encrypted, the best first.
    pub trials: Vec<Trial>,
    /// The time that it took to find them.
    pub time: Duration,
    /// Number of threads of the predicted seconds.
    threads: usize,
}

impl Tuned {
    pub(super) fn new(
        tuner: &Tuner<'_>,
        finalist: Finalist,
        promise: Promise,
        trials: Vec<Trial>,
        time: Duration,
    ) -> Self {
        Tuned {
            spec: finalist.model.spec().clone(),
            model: finalist.model,
            calibration: finalist.calibration,
            plan: finalist.plan,
            promise,
            floats: None,
            trials,
            time,
            threads: tuner.threads,
        }
    }

    #[cfg(feature = "train")]
    pub(super) fn with_floats(mut self, floats: Floats) -> Self {
        self.floats = Some(floats);
        self
    }

    /// Predicted seconds of an encrypted inference.
    pub fn seconds(&self) -> f64 {
        self.plan.predicted_seconds(self.threads)
    }

    /// The trials that no other beats in both speed and loss, fastest first. Their losses are those on the rows that
    /// the search compared on, so the promise of one of them is still to be checked.
    pub fn front(&self) -> Vec<&Trial> {
        Trial::front(&self.trials)
    }

    /// Draws loss against seconds of all trials as an SVG image.
    pub fn svg(&self) -> String {
        let loss = |trial: &Trial| trial.loss.max(trial.expected_loss);
        let point = |trial: &Trial| (trial.seconds, 100.0 * loss(trial));
        let plot = Plot::new(
            &format!("{}: declarations that were tried", self.spec.name),
            Axis::logarithmic("seconds of an encrypted inference, predicted"),
            Axis::linear("loss, counted or expected, %"),
        );
        let own = vec![(self.seconds(), 100.0 * self.promise.loss())];
        let front = self.front().into_iter().map(point).collect();
        svg(&[plot.with_series([
            Series::points("tried", self.trials.iter().map(point).collect()),
            Series::line("front", front),
            Series::points("chosen, on rows that were held out", own),
        ])])
    }

    /// Writes [`Tuned::svg`] to a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.svg().as_bytes())
    }
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} declarations tried in {:.0?}; these are the fastest for what they lose:",
            self.spec.name,
            self.trials.len(),
            self.time
        )?;
        writeln!(
            f,
            "  {:>9}  {:>8}  {:>8}  {:>9}  widths",
            "seconds", "lost", "expected", "key, MB"
        )?;
        for trial in self.front() {
            writeln!(
                f,
                "  {:>9.3}  {:>7.2}%  {:>7.2}%  {:>9.1}  {}",
                trial.seconds,
                100.0 * trial.loss,
                100.0 * trial.expected_loss,
                trial.key_bytes as f64 / 1e6,
                widths(&trial.spec),
            )?;
        }
        writeln!(
            f,
            "  lost: rows of the search that are no longer right; expected: an estimate for endlessly many; \
             widths: input, then weights/output/table"
        )?;
        writeln!(
            f,
            "chosen: {}, scales by {}, {:.3} s on {} threads",
            widths(&self.spec),
            self.calibration,
            self.seconds(),
            self.threads
        )?;
        write!(f, "{}", self.promise)
    }
}

/// The widths of a declaration in short.
fn widths(spec: &Spec) -> String {
    let mut text = match spec.input.tokens {
        None => spec.input.bits.to_string(),
        Some(_) => "tokens".to_owned(),
    };
    for layer in spec.layers.iter() {
        if let Some(weights) = layer.op.weights() {
            text.push_str(&format!(" {weights}"));
        }
        if let Op::Activation(act) = &layer.op {
            let table = act
                .table
                .map_or("all".to_owned(), |table| table.to_string());
            text.push_str(&format!("/{}/{table}", act.output));
        }
    }
    text
}
