//! A convolutional network on MNIST, trained as the integers that it computes.
//!
//! `Wave` takes its accumulators modulo 32, so the 100 inputs of a neuron need neither rounding nor wider
//! tables: one bootstrap each, from which four phases give four channels.
//!
//! ```text
//! cargo run --release --example digits_cnn -- --images 10
//! ```

use std::error::Error as StdError;
use std::process::ExitCode;

use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{DigitsCnn, FloatDigitsCnn, float_accuracy};
use fhe_nn_examples::picture::picture;
use fhe_nn_examples::story::{self, Story};

/// The clear accuracy that the trained network has, at least.
const ACCURACY: f64 = 0.987;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted MNIST digits by a convolutional network")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(digits_cnn)
}

fn digits_cnn(args: Args) -> Result<(), Box<dyn StdError>> {
    let test = Dataset::load(cli::data(), Split::Test)?;
    let network = DigitsCnn::load(cli::data().join("digits_cnn.quantized.safetensors"))?;
    let floats = Floats::load(cli::data().join("digits_cnn.float.safetensors"))?;
    let float = FloatDigitsCnn::float_scores(&floats, &test.images)?;
    let story = Story {
        what: "image",
        inputs: test.images.view(),
        labels: &test.labels,
        float_accuracy: Some(float_accuracy(&float, &test.labels)),
        least_accuracy: Some(ACCURACY),
        show: &|index| picture(test.images.row(index).as_slice().unwrap_or_default()),
    };
    let plan = network.plan(&Options::default())?;
    story.tell(&network, &plan, args.story)
}
