//! The main job: handwritten digits, classified without being seen.
//!
//! A client encrypts images, a server runs the network on the ciphertexts, the client decrypts the
//! scores; they equal those of the clear run.
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
use fhe_nn_examples::networks::Digits;
use fhe_nn_examples::picture::picture;
use fhe_nn_examples::story::{self, Story};

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
    let digits = Digits::load(cli::data().join("digits.quantized.safetensors"))?;
    let story = Story {
        what: "image",
        inputs: test.images.view(),
        labels: &test.labels,
        float_accuracy: None,
        least_accuracy: None,
        show: &|index| picture(test.images.row(index).as_slice().unwrap_or_default()),
    };
    story.tell(&digits, args.story)
}
