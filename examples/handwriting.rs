//! Digits in the form of PyTorch's default export: a convolution, ReLU and MaxPool with its weights in a file of their
//! own, tuned for exact and for approximate rounding.
//!
//! The network is written by `data/tune/make.py`, in the form that `torch.onnx.export` has by default: opset 18, and the
//! larger tensors in `handwriting.onnx.data`.
//!
//! ```text
//! cargo run --release --features import --example handwriting
//! ```
//!
//! `--deeper` tunes a network of two convolutions and two dense layers instead, with exact rounding.

use std::error::Error;
use std::process::ExitCode;

use fhe_nn_examples::cli;
use fhe_nn_examples::tuning::{Options, Task};
use serde_json::json;

/// The seconds that are predicted for two threads are at most these: for exact rounding, and for approximate.
const SECONDS: [f64; 2] = [7.0, 1.8];

#[derive(clap::Parser)]
#[command(about = "Find the bit-widths of a convolutional network")]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Tune a larger network, of two convolutions and two dense layers
    #[arg(long)]
    deeper: bool,
}

fn main() -> ExitCode {
    cli::run(handwriting)
}

fn handwriting(args: Args) -> Result<(), Box<dyn Error>> {
    if args.deeper {
        let task = Task::load("deeper", "digits")?;
        let (_, figures) = task.tune(args.options, false, f64::INFINITY)?;
        if args.options.json {
            println!("{figures}");
        }
        return Ok(());
    }
    let task = Task::load("handwriting", "digits")?;
    let (_, exact) = task.tune(args.options, false, SECONDS[0])?;
    let (_, approximate) = task.tune(args.options, true, SECONDS[1])?;
    if args.options.json {
        println!("{}", json!({ "exact": exact, "approximate": approximate }));
    }
    Ok(())
}
