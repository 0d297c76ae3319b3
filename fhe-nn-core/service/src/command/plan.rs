use std::path::PathBuf;

use serde_json::json;

use super::run::load;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::plan_options::Options;
use crate::seconds;

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
        let options = self.options.options()?;
        let plan = model.plan(&options).of(&self.model)?;
        let approximate = seconds::approximate(&model, &options, 2);
        let layers: Vec<f64> = plan.predicted_seconds_of_layers(2).collect();
        let json = json!({
            "network": model.spec().name,
            "fingerprint": hex::encode(plan.fingerprint()),
            "bootstraps": plan.bootstraps(),
            "seconds_per_input_predicted": plan.predicted_seconds(1),
            "seconds_per_input_predicted_on_two_threads": plan.predicted_seconds(2),
            "seconds_of_layers_predicted_on_two_threads": layers,
            "seconds_with_approximate_rounding_on_two_threads": approximate,
            "log2_failure": plan.log2_failure(),
            "exact": plan.is_exact(),
            "evaluation_key_bytes": plan.evaluation_key_bytes(),
            "evaluation_memory_bytes": plan.evaluation_memory_bytes(),
            "request_bytes": plan.request_bytes(),
            "reply_bytes": plan.reply_bytes(),
            "plan": plan,
        });
        let faster = seconds::told(approximate);
        Ok(Outcome::new(format!("{plan}\n{faster}"), json))
    }
}
