use std::path::PathBuf;

use fhe_nn_core::Model;
use fhe_nn_core::import::{self, Widths};
use serde_json::json;

use crate::bytes;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::{self, Secrecy};

/// Turn an ONNX model into a declaration with proposed bit-widths and float weights.
///
/// The result is one file with both, for `fhe-nn quantize`. The declaration is printed as a Rust struct, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model; `-` is standard input.
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// Where the result goes; `-` is standard output [default: the model's name with `.floats.safetensors`].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite a file that is there already.
    #[arg(long)]
    force: bool,
    /// Bits of inputs.
    #[arg(long, value_name = "BITS", default_value_t = Widths::new().input())]
    input: u32,
    /// Bits of weights.
    #[arg(long, value_name = "BITS", default_value_t = Widths::new().weights())]
    weights: u32,
    /// Bits of the results of activations.
    #[arg(long, value_name = "BITS", default_value_t = Widths::new().activations())]
    activations: u32,
    /// Bits that tables read.
    #[arg(long, value_name = "BITS", default_value_t = Widths::new().table())]
    table: u32,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let piped = bytes::is_pipe(&self.model);
        let output = match self.output {
            Some(output) => output,
            None if piped => {
                let reason = "a model of standard input has no name that the result could get\n  \
                              = help: `-o FILE` says where the result goes";
                return Err(Failure::Call(reason.to_owned()));
            }
            None => self.model.with_extension("floats.safetensors"),
        };
        output::check(&output, self.force)?;
        let widths = Widths::new()
            .with_input(self.input)
            .with_weights(self.weights)
            .with_activations(self.activations)
            .with_table(self.table);
        let imported = if piped {
            let model = bytes::read(&self.model, Model::MAX_BYTES)?;
            import::onnx(&model, "Network", &widths)
        } else {
            import::load(&self.model, &widths)
        };
        let imported = imported.map_err(|source| Failure::Import {
            path: self.model,
            source: Box::new(source),
        })?;
        output::write(&output, self.force, Secrecy::Public, &imported.to_bytes())?;

        // notes are printed as comments, so that the whole text can be pasted
        let notes = imported.notes.iter().map(|note| format!("// {note}\n"));
        let notes: String = notes.collect();
        let declaration = imported.declaration();
        let text = format!(
            "// `{}`: weights and declaration, for `fhe-nn quantize`\n{notes}\
             use fhe_nn_core::prelude::*;\n\n{declaration}",
            output.display()
        );
        let json = json!({
            "written": output.display().to_string(),
            "network": imported.spec.name,
            "declaration": declaration,
            "notes": imported.notes,
        });
        Ok(Outcome::new(text, json).with_piped(bytes::is_pipe(&output)))
    }
}
