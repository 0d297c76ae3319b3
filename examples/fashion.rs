//! A convolutional network on Fashion-MNIST, trained as the integers that it computes.
//!
//! Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) has the form of MNIST, and is harder: ten kinds of clothes.
//!
//! ```text
//! cargo run --release --example fashion -- --images 10
//! ```

use std::error::Error as StdError;
use std::process::ExitCode;

use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{FashionCnn, FloatFashionCnn, float_accuracy};
use fhe_nn_examples::picture::picture;
use fhe_nn_examples::story::{self, Story};

/// The clear accuracy that the trained network has, at least.
const ACCURACY: f64 = 0.855;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted images of clothes")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(fashion)
}

fn fashion(args: Args) -> Result<(), Box<dyn StdError>> {
    let test = Dataset::load(cli::data().join("fashion"), Split::Test)?;
    let network = FashionCnn::load(cli::data().join("fashion_cnn.quantized.safetensors"))?;
    let floats = Floats::load(cli::data().join("fashion_cnn.float.safetensors"))?;
    let float = FloatFashionCnn::float_scores(&floats, &test.images)?;
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
