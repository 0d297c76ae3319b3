use std::path::{Path, PathBuf};

use fhe_nn_core::Description;
use serde_json::json;

use super::run::load;
use crate::bytes;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::output::{Output, Secrecy};
use crate::plan_options::Options;

/// Write the description of a model: all that a client is given, and no weights.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The quantized model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Names of the classes, one for each score, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Vec<String>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    output: Output,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        self.output.check()?;
        let model = load(&self.model)?;
        let plan = model.plan(&self.options.options()?).of(&self.model)?;
        let mut description = Description::new(plan)?;
        if !self.classes.is_empty() {
            description = description.with_classes(self.classes)?;
        }
        let bytes = description.to_bytes();
        self.output.write(&bytes, Secrecy::Public)?;
        let (name, plan) = (description.name(), description.plan());
        let fingerprint = hex::encode(plan.fingerprint());
        let text = format!(
            "written: {}\n{name}: plan {fingerprint}, {} bytes",
            self.output.path().display(),
            bytes.len()
        );
        let json = json!({
            "written": self.output.path().display().to_string(),
            "network": name,
            "fingerprint": fingerprint,
            "bytes": bytes.len(),
        });
        Ok(Outcome::new(text, json).with_piped(self.output.is_pipe()))
    }
}

/// Loads a description, or reads it from standard input.
///
/// # Errors
/// [`Failure::Read`], [`Failure::TooLarge`] and those of [`Description::from_bytes`].
pub(super) fn load_description(path: &Path) -> Result<Description, Failure> {
    Description::from_bytes(&bytes::read(path, Description::MAX_BYTES)?).of(path)
}
