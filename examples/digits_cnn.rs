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
use fhe_nn_examples::networks::float_accuracy;
use fhe_nn_examples::picture::picture;
use fhe_nn_examples::story::{self, Story};

/// Reads a 28 x 28 image of a handwritten digit, in four shades of grey.
#[fhe_network(input(shape = [1, 28, 28], bits = 2))]
struct DigitsCnn {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    conv: Conv2d<1, 32, 10, 4>,
    #[bits(output = 3, phases = 4)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 15, overflow = calibrated)]
    scores: Dense<3200, 10>,
}

/// The same shape with floats and a ReLU, to compare with.
#[fhe_network(input(shape = [1, 28, 28], bits = 8))]
struct FloatCnn {
    #[bits(weights = 8)]
    conv: Conv2d<1, 32, 10, 4>,
    #[bits(output = 8, table = 8)]
    relu: Relu,
    #[bits(weights = 8, accumulator = 20, overflow = calibrated)]
    scores: Dense<800, 10>,
}

/// The clear accuracy that the trained network has, at least.
const ACCURACY: f64 = 0.988;

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
    let samples = Dataset::load(cli::data(), Split::Calibration)?.images;
    let floats = Floats::load(cli::data().join("digits_cnn.safetensors"))?;
    // the integers that were trained: from the least to the greatest value
    let quantized = DigitsCnn::quantize_with(&floats, &samples, &Calibration::MinMax)?;
    let network = quantized.network;
    let compared = Floats::load(cli::data().join("digits_cnn.float.safetensors"))?;
    let compared = FloatCnn::float_scores(&compared, &test.images)?;
    let story = Story {
        what: "image",
        inputs: test.images.view(),
        labels: &test.labels,
        float_accuracy: Some(float_accuracy(&compared, &test.labels)),
        least_accuracy: Some(ACCURACY),
        show: &|index| picture(test.images.row(index).as_slice().unwrap_or_default()),
    };
    let plan = network.plan(&Options::default())?;
    story.tell(&network, &plan, args.story)
}
