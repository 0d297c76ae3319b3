use std::path::PathBuf;

use fhe_nn_core::import::Imported;
use fhe_nn_core::{Calibration, Model, PlanOptions};
use serde_json::json;

use super::import::notes_of;
use crate::bytes;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::output::{Output, Secrecy};
use crate::rows::Rows;
use crate::seconds;

/// Quantize float weights to the integers of their declaration, calibrated on rows of inputs.
///
/// The rows are inputs as the network will see them, some hundreds of them, in the order of the imported model.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What `fhe-nn import` wrote.
    #[arg(value_name = "FLOATS")]
    floats: PathBuf,
    #[command(flatten)]
    rows: Rows,
    /// Drop inputs that have the same value in every row: accumulators become narrower, but the network no longer
    /// sees these inputs change.
    #[arg(long)]
    drop_constants: bool,
    #[command(flatten)]
    output: Output,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        self.output.check()?;
        let bytes = bytes::read(&self.floats, Model::MAX_BYTES)?;
        let imported = Imported::from_bytes(&bytes).of(&self.floats)?;
        let notes = &imported.notes;
        let rows = self.rows.read()?;
        let calibration = Calibration::new().with_drop_constants(self.drop_constants);
        let quantized = imported.quantize(rows.view(), &calibration)?;
        let model = quantized.network;
        self.output.write(&model.to_bytes(), Secrecy::Public)?;
        let report = &quantized.report;
        let written = self.output.path().display();
        let told = notes_of(&imported);
        // a model without parameters can still run in the clear
        let options = PlanOptions::default();
        let plan = model.plan(&options).ok();
        let seconds = plan.map(|plan| plan.predicted_seconds(2));
        let approximate = seconds::approximate(&model, &options, 2);
        let predicted = seconds.map(|seconds| {
            let faster = seconds::told(approximate);
            format!("an encrypted inference takes about {seconds:.3} s on two threads\n{faster}")
        });
        let text = format!(
            "{report}\n{told}{}written: {written}",
            predicted.unwrap_or_default()
        );
        let json = json!({
            "written": written.to_string(),
            "fingerprint": hex::encode(model.fingerprint()),
            "report": report,
            "seconds_per_input_predicted_on_two_threads": seconds,
            "seconds_with_approximate_rounding_on_two_threads": approximate,
            "notes": notes,
        });
        Ok(Outcome::new(text, json).with_piped(self.output.is_pipe()))
    }
}
