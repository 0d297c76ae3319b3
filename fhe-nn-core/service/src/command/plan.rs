use std::path::PathBuf;

use serde_json::json;

use super::run::load;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::plan_options::Options;

/// Find the parameters of an encrypted run: time, failure probability, sizes of keys and messages.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The quantized model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let model = load(&self.model)?;
        let plan = model.plan(&self.options.options()?).of(&self.model)?;
        let json = json!({
            "network": model.spec().name,
            "fingerprint": hex::encode(plan.fingerprint()),
            "bootstraps": plan.bootstraps(),
            "seconds_per_input_predicted": plan.predicted_seconds(1),
            "seconds_per_input_predicted_on_two_threads": plan.predicted_seconds(2),
            "log2_failure": plan.log2_failure(),
            "exact": plan.is_exact(),
            "evaluation_key_bytes": plan.evaluation_key_bytes(),
            "evaluation_memory_bytes": plan.evaluation_memory_bytes(),
            "request_bytes": plan.request_bytes(),
            "reply_bytes": plan.reply_bytes(),
            "plan": plan,
        });
        Ok(Outcome::new(plan.to_string(), json))
    }
}
