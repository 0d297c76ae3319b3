//! Networks from elsewhere that are imported, tuned, and held against rows that nothing before has seen.

use std::error::Error;
use std::time::Duration;

use clap::Args;
use fhe_nn_core::import::{self, Imported, Widths};
use fhe_nn_core::run::{Progress, Watch, accuracy};
use fhe_nn_core::tune::{Tuned, Tuner};
use fhe_nn_core::{ClientKey, Model, Plan, ServerKey, rows};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, ArrayView2};
use serde_json::{Value, json};

use crate::cli;
use crate::networks::float_accuracy;

/// The options of a tuning.
#[derive(Debug, Clone, Copy, Args)]
pub struct Options {
    /// The most declarations to try
    #[arg(long, value_name = "N", default_value_t = 1200)]
    pub trials: usize,
    /// Seconds after which no further declaration is tried
    #[arg(long, value_name = "SECONDS", default_value_t = 110)]
    pub time_limit: u64,
    /// Seed of the search, and of which rows are held out
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print the figures as a JSON object on the last line
    #[arg(long)]
    pub json: bool,
}

/// The loss that is allowed, as a fraction of the rows.
pub const LOSS: f64 = 0.01;

/// An imported network, with rows to tune on and rows that tuning never sees.
pub struct Task {
    /// The imported network.
    pub imported: Imported,
    rows: Array2<f32>,
    labels: Vec<u32>,
    test: Array2<f32>,
    test_labels: Vec<u32>,
    float_accuracy: f64,
}

impl Task {
    /// Loads a network and the rows that go with it, by their names in the folder `data/tune`.
    ///
    /// # Errors
    /// Those of the files.
    pub fn load(network: &str, data: &str) -> Result<Self, Box<dyn Error>> {
        let part = |part: &str| -> Result<(Array2<f32>, Vec<u32>), fhe_nn_core::Error> {
            let file = cli::data().join("tune").join(format!("{data}.{part}.npz"));
            Ok((rows::load(&file, None)?, rows::labels(&file, None)?))
        };
        Task::new(network, part("rows")?, part("test")?)
    }

    /// Loads a network by its name in the folder `data/tune`. The arguments are rows and their labels, to tune on and to
    /// test with.
    ///
    /// # Errors
    /// Those of the file, and of rows of another shape.
    pub fn new(
        network: &str,
        (rows, labels): (Array2<f32>, Vec<u32>),
        (test, test_labels): (Array2<f32>, Vec<u32>),
    ) -> Result<Self, Box<dyn Error>> {
        let file = cli::data().join("tune").join(format!("{network}.onnx"));
        let imported = import::load(file, &Widths::default())?;
        let scores = imported.float_scores(test.view())?;
        let float_accuracy = float_accuracy(&scores, &test_labels);
        Ok(Task {
            imported,
            rows,
            labels,
            test,
            test_labels,
            float_accuracy,
        })
    }

    /// The rows to tune on, `[rows, values of one row]`, and their labels.
    pub fn seen(&self) -> (ArrayView2<'_, f32>, &[u32]) {
        (self.rows.view(), &self.labels)
    }

    /// The rows that tuning never sees, `[rows, values of one row]`, and their labels.
    pub fn test(&self) -> (ArrayView2<'_, f32>, &[u32]) {
        (self.test.view(), &self.test_labels)
    }

    /// Tunes the network, and prints what is found. The figures are those of the rows that tuning never saw.
    ///
    /// # Panics
    /// Panics if the integers lose more of these rows than the promise says with its confidence, or if the plan takes
    /// more than `most` seconds.
    ///
    /// # Errors
    /// Those of tuning and of running.
    pub fn tune(
        &self,
        options: Options,
        approximate: bool,
        most: f64,
    ) -> Result<(Tuned, Value), Box<dyn Error>> {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} declarations")?;
        let bar = ProgressBar::new(options.trials as u64).with_style(style);
        let show = |progress: Progress| bar.set_position(progress.done as u64);
        let tuner = Tuner::new()
            .with_loss(LOSS)
            .with_approximate(approximate)
            .with_trials(options.trials)
            .with_time_limit(Duration::from_secs(options.time_limit))
            .with_seed(options.seed)
            .with_watch(Watch::new().with_progress(&show));
        let tuned = self
            .imported
            .tune(&tuner, self.rows.view(), Some(&self.labels))?;
        bar.finish_and_clear();
        let scores = match approximate {
            false => tuned.model.run_batch(self.test.view())?,
            true => tuned
                .model
                .simulate(&tuned.plan, self.test.view(), options.seed)?,
        };
        let own = accuracy(&scores, &self.test_labels)?;
        let (count, seconds, float) = (scores.len(), tuned.seconds(), self.float_accuracy);
        println!(
            "{tuned}\n\n{}\n{}\n{:.2}% of {count} rows that tuning never saw are right, {:.2}% in floats\n",
            tuned.spec.declaration(&[]),
            tuned.plan,
            100.0 * own,
            100.0 * float
        );
        let bound = tuned.promise.bound();
        assert!(
            own >= float - bound,
            "{own} of the rows are right in integers and {float} in floats, but at most {bound} are lost"
        );
        assert!(
            seconds <= most,
            "{seconds} s are predicted, but {most} can be had"
        );
        let figures = json!({
            "seconds": seconds,
            "exact": tuned.plan.is_exact(),
            "float_accuracy": float,
            "accuracy": own,
            "test_rows": count,
            "held_out": tuned.promise,
            "trials": tuned.trials.len(),
            "tuning_seconds": tuned.time.as_secs_f64(),
        });
        Ok((tuned, figures))
    }
}

/// Runs a row encrypted.
///
/// # Panics
/// Panics if the result is not that of the clear run.
///
/// # Errors
/// Those of keys and of running.
pub fn run_encrypted(model: &Model, plan: &Plan, row: &[f32]) -> Result<(), fhe_nn_core::Error> {
    let client = ClientKey::generate(plan)?;
    let server = ServerKey::new(&client.evaluation_key()?);
    let request = client.encrypt(row)?;
    let scores = client.decrypt(&request, &model.run_encrypted(&server, &request)?)?;
    assert_eq!(
        scores,
        model.run(row)?,
        "an encrypted result differs from the clear one"
    );
    println!(
        "a row that ran encrypted has the scores of the clear run: {:.2?}",
        scores.reals()
    );
    Ok(())
}
