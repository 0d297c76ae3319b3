//! Classifies patients by 30 numbers: is a breast tumour benign or malignant?
//!
//! The data is the Wisconsin diagnostic data set (Wolberg, Mangasarian, Street and Street 1995, UCI,
//! doi:10.24432/C5DW2B, CC BY 4.0), with features standardised by the training rows
//! (`python/tabular.py`). The network is quantized after training.
//!
//! ```text
//! cargo run --release --example tabular -- --images 143
//! ```

use std::error::Error as StdError;
use std::process::ExitCode;

use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::networks::float_accuracy;
use fhe_nn_examples::story::{self, Story};
use fhe_nn_examples::table::Table;

/// Tells benign tumours from malignant ones.
#[fhe_network(input(shape = [30], bits = 3))]
struct Tumours {
    #[bits(weights = 3, accumulator = 9, overflow = calibrated)]
    fc1: Dense<30, 16>,
    #[bits(output = 4, table = 4, rounding = exact)]
    relu: Relu,
    #[bits(weights = 4, accumulator = 12, overflow = calibrated)]
    fc2: Dense<16, 2>,
}

/// The clear accuracy may be at most this much lower than that of the floats.
const LOSS: f64 = 0.01;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted rows of a table")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(tabular)
}

fn tabular(args: Args) -> Result<(), Box<dyn StdError>> {
    let data = Table::load(cli::data().join("breast_cancer.csv"))?;
    let (train, test) = (data.part("train")?, data.part("test")?);
    let floats = Floats::load(cli::data().join("tabular.safetensors"))?;
    let network = Tumours::quantize(&floats, train.inputs.view())?.network;
    let reals = float_accuracy(
        &Tumours::float_scores(&floats, test.inputs.view())?,
        &test.labels,
    );
    let story = Story {
        what: "row",
        inputs: test.inputs.view(),
        labels: &test.labels,
        float_accuracy: Some(reals),
        least_accuracy: Some(reals - LOSS),
        show: &|_| String::new(),
    };
    let plan = network.plan(&PlanOptions::default())?;
    story.tell(&network, &plan, args.story)
}
