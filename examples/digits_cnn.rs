//! A convolutional network on MNIST, trained as the integers that it computes.
//!
//! `Wave` takes its accumulators modulo 32, so the 400 inputs of a neuron need neither rounding nor
//! wider tables. Each neuron takes one bootstrap, whose four phases give four channels.
//!
//! ```text
//! cargo run --release --example digits_cnn -- --images 10
//! ```

use std::error::Error;
use std::process::ExitCode;

use fhe_nn_examples::idx::{Dataset, Split};
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
    cli::run(digits_cnn)
}

fn digits_cnn(args: Args) -> Result<(), Box<dyn Error>> {
    let test = Dataset::load(cli::data(), Split::Test)?;
    let (images, labels) = (test.images.view(), &test.labels);
    let floats = story::float_accuracy_of::<FloatDigitsCnn>("digits_cnn", images, labels)?;
    let accuracies = (ACCURACY, Some(floats));
    story::images::<DigitsCnn>(&test, "digits_cnn", None, accuracies, args.story)
}
