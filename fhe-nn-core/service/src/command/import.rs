use std::path::{Path, PathBuf};

use fhe_nn_core::import::{
    self, Comparison, ImportError, ImportOptions, Imported, Reference, Widths,
};
use fhe_nn_core::{Model, PlanOptions};
use serde_json::{Value, json};

use crate::bytes;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::output::{self, Secrecy};
use crate::seconds;

/// Turn an ONNX model into a declaration with proposed bit-widths and float weights.
///
/// The result is one file with both, for `fhe-nn quantize`. The declaration is printed as a Rust struct, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model; `-` is standard input.
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// Where the result goes; `-` is standard output [default: the model's name with `.floats.safetensors`].
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite a file that is there already.
    #[arg(long)]
    force: bool,
    /// The output to import [default: the one with the most real values].
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// Compare with what the model's framework computes, and write nothing unless `-o` says where.
    ///
    /// FILE is an npz file with the arrays `input` and `output`, or JSON: `{"input": [[..], ..], "output": [[..], ..]}`.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
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
    /// Take these bits also where the model has its own, as one of 8 bits does, and find its scales anew.
    #[arg(long)]
    requantize: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let out = self.out()?;
        if let Some(out) = &out {
            output::check(out, self.force)?;
        }
        let imported = self.import()?;
        if let Some(out) = &out {
            output::write(out, self.force, Secrecy::Public, &imported.to_bytes())?;
        }
        let piped = out.as_deref().is_some_and(bytes::is_pipe);
        let outcome = match &self.compare {
            Some(path) => {
                let reference = Reference::from_bytes(&bytes::read(path, Model::MAX_BYTES)?);
                let reference = reference.of(path)?;
                compared(&imported.compare(&reference).of(path)?)
            }
            None => written(&imported, out.as_deref().unwrap_or(&self.model)),
        };
        Ok(outcome.with_piped(piped))
    }

    /// Where the result goes; nowhere if it is only compared.
    fn out(&self) -> Result<Option<PathBuf>, Failure> {
        match &self.out {
            Some(out) => Ok(Some(out.clone())),
            None if self.compare.is_some() => Ok(None),
            None if bytes::is_pipe(&self.model) => {
                let reason = "a model of standard input has no name that the result could get\n  \
                              = help: `-o FILE` says where the result goes";
                Err(Failure::Call(reason.to_owned()))
            }
            None => Ok(Some(self.model.with_extension("floats.safetensors"))),
        }
    }

    fn import(&self) -> Result<Imported, Failure> {
        let widths = Widths::new()
            .with_input(self.input)
            .with_weights(self.weights)
            .with_activations(self.activations)
            .with_table(self.table)
            .with_requantize(self.requantize);
        let mut options = ImportOptions::new().with_widths(widths);
        if let Some(output) = &self.output {
            options = options.with_output(output);
        }
        let piped = match bytes::is_pipe(&self.model) {
            true => Some(bytes::read(&self.model, Model::MAX_BYTES)?),
            false => None,
        };
        onnx(&self.model, piped.as_deref(), &options)
    }
}

/// Imports an ONNX file, or what came through a pipe in its place.
///
/// # Errors
/// [`Failure::Import`].
pub(super) fn onnx(
    path: &Path,
    piped: Option<&[u8]>,
    options: &ImportOptions,
) -> Result<Imported, Failure> {
    let imported = match piped {
        Some(model) => import::onnx(model, "Network", options),
        None => import::load(path, options),
    };
    imported.map_err(|error| Failure::Import {
        path: path.to_owned(),
        source: match error {
            // the path is told once
            ImportError::File { source, .. } => source,
            error => Box::new(error),
        },
    })
}

/// The notes of an import, a line each.
pub(super) fn notes_of(imported: &Imported) -> String {
    let notes = imported.notes.iter();
    notes.map(|note| format!("note: {note}\n")).collect()
}

/// What is told of an import that was written.
fn written(imported: &Imported, out: &Path) -> Outcome {
    // notes are printed as comments, so that the whole text can be pasted
    let notes = imported.notes.iter().map(|note| format!("// {note}\n"));
    let notes: String = notes.collect();
    let declaration = imported.declaration();
    let (estimate, seconds) = estimated(imported);
    let text = format!(
        "// `{}`: weights and declaration, for `fhe-nn quantize`\n{notes}{estimate}\
         use fhe_nn_core::prelude::*;\n\n{declaration}",
        out.display()
    );
    let json = json!({
        "written": out.display().to_string(),
        "network": imported.spec.name,
        "declaration": declaration,
        "notes": imported.notes,
        "seconds_estimated_on_two_threads": seconds,
    });
    Outcome::new(text, json)
}

/// What an encrypted inference about takes, as lines of comment and in seconds: in all, for every layer, and with
/// approximate rounding.
fn estimated(imported: &Imported) -> (String, Value) {
    let options = PlanOptions::default();
    let sketched = imported.sketch().and_then(|model| {
        let plan = model.as_ref().map(|model| model.plan(&options));
        Ok(model.zip(plan.transpose()?))
    });
    let (model, plan) = match sketched {
        Ok(Some(sketched)) => sketched,
        Ok(None) => {
            let text = "// too large to estimate its time at once: `fhe-nn quantize` predicts it\n";
            return (text.to_owned(), Value::Null);
        }
        Err(error) => {
            let reason = error.to_string();
            let first = reason.lines().next().unwrap_or_default();
            return (
                format!("// its time cannot be estimated: {first}\n"),
                Value::Null,
            );
        }
    };
    let layers = plan.stages.iter().zip(plan.predicted_seconds_of_layers(2));
    let layers: Vec<(String, f64)> = layers
        .map(|(stage, seconds)| (stage.lookup.to_string(), seconds))
        .collect();
    let each = layers
        .iter()
        .map(|(name, seconds)| format!("`{name}` {seconds:.2} s"));
    let each = each.collect::<Vec<_>>().join(", ");
    let all = plan.predicted_seconds(2);
    let approximate = seconds::approximate(&model, &options, 2);
    let faster =
        approximate.map(|seconds| format!("; with `rounding = approximate` {seconds:.2} s"));
    let text = format!(
        "// about {all:.2} s for an encrypted inference on two threads ({each}){},\n\
         // estimated on random inputs: `fhe-nn quantize` predicts it for yours, and `fhe-nn tune` finds faster widths\n",
        faster.unwrap_or_default()
    );
    let json = json!({
        "all": all,
        "layers": layers.into_iter().map(|(name, seconds)| json!({ "layer": name, "seconds": seconds }))
            .collect::<Vec<_>>(),
        "with_approximate_rounding": approximate,
    });
    (text, json)
}

/// What is told of a comparison.
fn compared(comparison: &Comparison) -> Outcome {
    let Comparison {
        rows,
        float_error,
        integer_error,
        agree,
        ..
    } = comparison;
    let text = format!(
        "rows compared                        {rows}\n\
         greatest difference of the floats    {float_error:.2e} of an output, or of 1 if that is more\n\
         squared error of the integers        {integer_error:.2e} of the squares of the outputs\n\
         rows with the same greatest score    {agree}"
    );
    Outcome::new(text, json!(comparison))
}
