use std::path::PathBuf;
use std::time::Duration;

use fhe_nn_core::import::{ImportOptions, Imported};
use fhe_nn_core::run::Watch;
use fhe_nn_core::tune::{Tuned, Tuner};
use fhe_nn_core::{Model, rows};
use serde_json::json;

use super::import::{notes_of, onnx};
use crate::bytes;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::output::{self, Output, Secrecy};
use crate::plan_options::Options;
use crate::progress::Bar;
use crate::rows::Rows;
use crate::seconds;

/// Find the bit-widths that take the least predicted time and lose no more accuracy than is allowed.
///
/// Hundreds of declarations are quantized, run in the clear and planned. Some rows are held out: the result says what the
/// model does on them. The result is a quantized model; the declaration is printed as a Rust struct, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model: ONNX, or what `fhe-nn import` wrote.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    rows: Rows,
    /// The classes of the rows: an npz or npy file of numpy, or CSV [default: what the float network says].
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The array of an npz file of labels [default: the only one, `label` or `labels`].
    #[arg(long, value_name = "NAME", requires = "labels")]
    labels_array: Option<String>,
    /// The fraction of rows that may be lost, against the float network.
    #[arg(long, value_name = "FRACTION", default_value_t = 0.01)]
    loss: f64,
    /// The predicted seconds that an inference may take [default: as few as possible].
    #[arg(long, value_name = "SECONDS")]
    within: Option<f64>,
    /// The megabytes that the evaluation key may have on the wire.
    #[arg(long, value_name = "MB")]
    key: Option<f64>,
    /// Round approximately: faster, but encrypted results differ from clear ones now and then.
    #[arg(long)]
    approximate: bool,
    /// The most declarations that are tried.
    #[arg(long, value_name = "N", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// Seconds after which no further declaration is tried.
    #[arg(long, value_name = "SECONDS", default_value_t = 110)]
    time_limit: u64,
    /// Train the N fastest declarations that lose a little too much, at their widths.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    train: usize,
    /// Where no widths keep to the seconds: replace activations and pools by cheaper ones, and train for N rounds each.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "N", requires = "within", num_args = 0..=1, default_missing_value = "60", default_value_t = 0, hide_default_value = true)]
    cheaper: usize,
    /// Seed of the search, and of which rows are held out.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Number of threads for which times are predicted.
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Draw everything that was tried as an SVG image.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    output: Output,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        self.output.check()?;
        if let Some(svg) = &self.svg {
            output::check(svg, self.output.force())?;
        }
        let imported = self.imported()?;
        let rows = self.rows.read()?;
        let labels = self.labels()?;
        let options = self.options.options()?;

        let bar = Bar::new("declarations");
        let show = |progress| bar.show(progress);
        let mut tuner = Tuner::new()
            .with_loss(self.loss)
            .with_approximate(self.approximate)
            .with_trials(self.trials as usize)
            .with_time_limit(Duration::from_secs(self.time_limit))
            .with_seed(self.seed)
            .with_threads(self.threads)
            .with_plan_options(options)
            .with_watch(Watch::new().with_progress(&show));
        if let Some(seconds) = self.within {
            tuner = tuner.with_seconds(seconds);
        }
        if let Some(megabytes) = self.key {
            tuner = tuner.with_key_bytes((megabytes * 1e6) as u64);
        }
        #[cfg(feature = "train")]
        {
            tuner = tuner.with_trained(self.train).with_cheaper(self.cheaper);
        }
        let tuned = imported.tune(&tuner, rows.view(), labels.as_deref());
        drop(bar);
        let tuned = tuned.of(&self.model)?;
        self.output
            .write(&tuned.model.to_bytes(), Secrecy::Public)?;
        if let Some(svg) = &self.svg {
            output::write(
                svg,
                self.output.force(),
                Secrecy::Public,
                tuned.svg().as_bytes(),
            )?;
        }
        let approximate = seconds::approximate(&tuned.model, &options, self.threads);
        Ok(self.told(imported, &tuned, approximate))
    }

    /// The classes of the rows that are read, if a file has them.
    fn labels(&self) -> Result<Option<Vec<u32>>, Failure> {
        let Some(path) = &self.labels else {
            return Ok(None);
        };
        let bytes = bytes::read(path, Model::MAX_BYTES)?;
        let mut labels = rows::labels_from_bytes(&bytes, self.labels_array.as_deref()).of(path)?;
        labels.truncate(self.rows.most());
        Ok(Some(labels))
    }

    fn imported(&self) -> Result<Imported, Failure> {
        let bytes = bytes::read(&self.model, Model::MAX_BYTES)?;
        if Imported::recognizes(&bytes) {
            return Imported::from_bytes(&bytes).of(&self.model);
        }
        let piped = bytes::is_pipe(&self.model).then_some(bytes.as_slice());
        onnx(&self.model, piped, &ImportOptions::new())
    }

    fn told(&self, mut imported: Imported, tuned: &Tuned, approximate: Option<f64>) -> Outcome {
        imported.spec = tuned.spec.clone();
        let declaration = imported.declaration();
        let written = self.output.path().display();
        let faster = seconds::told(approximate);
        let text = format!(
            "{tuned}\n{faster}{}\n{declaration}\n{}\nwritten: {written}",
            notes_of(&imported),
            tuned.plan
        );
        let front = tuned.front().into_iter().map(|trial| {
            json!({
                "declaration": trial.spec.declaration(&[]),
                "seconds": trial.seconds,
                "loss": trial.loss,
                "expected_loss": trial.expected_loss,
                "evaluation_key_bytes": trial.key_bytes,
            })
        });
        let json = json!({
            "written": written.to_string(),
            "network": tuned.spec.name,
            "declaration": declaration,
            "calibration": tuned.calibration.to_string(),
            "seconds": tuned.seconds(),
            "seconds_with_approximate_rounding": approximate,
            "exact": tuned.plan.is_exact(),
            "bootstraps": tuned.plan.bootstraps(),
            "evaluation_key_bytes": tuned.plan.evaluation_key_bytes(),
            "promise": tuned.promise,
            "loss": tuned.promise.loss(),
            "loss_at_most_with_95_percent_confidence": tuned.promise.bound(),
            "trials": tuned.trials.len(),
            "tuning_seconds": tuned.time.as_secs_f64(),
            "front": front.collect::<Vec<_>>(),
            "notes": imported.notes,
        });
        Outcome::new(text, json).with_piped(self.output.is_pipe())
    }
}
