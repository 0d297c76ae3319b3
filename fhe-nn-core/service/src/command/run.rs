use std::path::{Path, PathBuf};

use fhe_nn_core::Model;
use serde_json::json;

use crate::bytes;
use crate::clamped::Clamped;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::plan_options::Options;
use crate::rows::Rows;
use crate::scores;

/// Run a model on rows of inputs without encryption: in the clear, or with the noise of encryption simulated.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("failure", |own| own.requires("simulated")),
    mut_arg("fastest", |own| own.requires("simulated")),
    mut_arg("smallest_keys", |own| own.requires("simulated")),
    mut_arg("memory_limit", |own| own.requires("simulated"))
)]
pub(crate) struct Args {
    /// The quantized model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    rows: Rows,
    /// Compute the exact integers (the default).
    #[arg(long, conflicts_with = "simulated")]
    clear: bool,
    /// Simulate the noise of an encrypted run of the plan.
    #[arg(long)]
    simulated: bool,
    /// Seed of the simulated noise.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "simulated")]
    seed: u64,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let model = load(&self.model)?;
        let rows = self.rows.read()?;
        let all = if self.simulated {
            let plan = model.plan(&self.options.options()?).of(&self.model)?;
            model.simulate(&plan, rows.view(), self.seed)?
        } else {
            model.run_batch(rows.view())?
        };
        let json = json!({
            "network": model.spec().name,
            "inputs": all.len(),
            "scores": scores::json(&all, &[]),
        });
        let clamped = Clamped::of(&model.client_spec().clamped_batch(rows.view()));
        Ok(clamped.told(Outcome::new(scores::text(&all, &[]), json)))
    }
}

/// Loads a quantized model, or reads it from standard input.
///
/// # Errors
/// [`Failure::Read`], [`Failure::TooLarge`] and those of [`Model::from_bytes`].
pub(super) fn load(path: &Path) -> Result<Model, Failure> {
    Model::from_bytes(&bytes::read(path, Model::MAX_BYTES)?).of(path)
}
