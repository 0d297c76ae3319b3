//! Turns a model that PyTorch or Keras exported as ONNX into a declaration with proposed bit-widths.
//!
//! The program prints the struct, ready to paste, and saves the float weights beside the model as safetensors, for
//! `Network::quantize`.
//!
//! ```text
//! cargo run --release --features import --example import -- model.onnx
//! ```

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fhe_nn_core::import::{self, Widths};
use fhe_nn_examples::cli;

#[derive(Parser)]
#[command(about = "Turn an ONNX model into a declaration and float weights")]
struct Args {
    /// The model.
    model: PathBuf,
    /// Where the weights are saved [default: the model's name with `.floats.safetensors`].
    #[arg(long)]
    weights_to: Option<PathBuf>,
    /// Bits of inputs.
    #[arg(long, default_value_t = Widths::new().input())]
    input: u32,
    /// Bits of weights.
    #[arg(long, default_value_t = Widths::new().weights())]
    weights: u32,
    /// Bits of the results of activations.
    #[arg(long, default_value_t = Widths::new().activations())]
    activations: u32,
    /// Bits that tables read.
    #[arg(long, default_value_t = Widths::new().table())]
    table: u32,
}

fn main() -> ExitCode {
    cli::run(import)
}

fn import(args: Args) -> Result<(), Box<dyn StdError>> {
    let widths = Widths::new()
        .with_input(args.input)
        .with_weights(args.weights)
        .with_activations(args.activations)
        .with_table(args.table);
    let imported = import::load(&args.model, &widths)?;
    let weights = args
        .weights_to
        .unwrap_or_else(|| args.model.with_extension("floats.safetensors"));
    imported.floats.save(&weights)?;
    // notes are printed as comments, so that the whole output can be pasted
    println!(
        "// from `{}`; its weights: `{}`",
        args.model.display(),
        weights.display()
    );
    for note in &imported.notes {
        println!("// {note}");
    }
    println!("use fhe_nn_core::prelude::*;\n\n{}", imported.declaration());
    Ok(())
}
