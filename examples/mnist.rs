//! The main example: it classifies handwritten digits that the server cannot see.
//!
//! A client encrypts images, a server runs the network on the ciphertexts, and the client decrypts the
//! scores, which equal those of the clear run. The model is part of the program: the compiler has read
//! it, has proved it, and has found the parameters.
//!
//! ```text
//! cargo run --release --example mnist -- --images 10
//! ```

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::picture::picture;
use fhe_nn_examples::story::{self, Story};

/// [`fhe_nn_examples::networks::Digits`] with its model inside. The other declaration has none, because
/// the program that trains it must be built before it can write the model.
#[fhe_network(
    input(shape = [784], bits = 1),
    weights = "data/digits.quantized.safetensors",
    failure = 128
)]
struct Digits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 60>,
    #[bits(output = 1, phases = 16)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 11, overflow = calibrated)]
    scores: Dense<960, 10>,
}

/// Classify encrypted MNIST digits
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    story: story::Options,
    /// Folder of MNIST's .gz files [default: the one that comes with the example]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    cli::run(mnist)
}

fn mnist(args: Args) -> Result<(), Box<dyn StdError>> {
    let test = Dataset::load(args.data.unwrap_or_else(cli::data), Split::Test)?;
    let digits = Digits::embedded();
    let story = Story {
        what: "image",
        inputs: test.images.view(),
        labels: &test.labels,
        float_accuracy: None,
        least_accuracy: None,
        show: &|index| picture(test.images.row(index).as_slice().unwrap_or_default()),
    };
    story.tell(&digits, Digits::PLAN, args.story)
}
