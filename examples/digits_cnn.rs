//! A convolutional network on MNIST, trained as the integers that it computes.
//!
//! `Wave` takes its accumulators modulo 32, so the 400 inputs of a neuron need neither rounding nor
//! wider tables. Each neuron takes one bootstrap, whose four phases give four channels.
//!
//! ```text
//! cargo run --release --example digits_cnn -- --images 10
//! ```

use std::process::ExitCode;

use fhe_nn_examples::networks::{DigitsCnn, FloatDigitsCnn};
use fhe_nn_examples::{cli, story};

/// The least clear accuracy of the trained network.
const ACCURACY: f64 = 0.99;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted MNIST digits by a convolutional network")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(|args: Args| {
        story::images::<DigitsCnn, FloatDigitsCnn>(&cli::data(), "digits_cnn", ACCURACY, args.story)
    })
}
