//! A convolutional network on Fashion-MNIST, trained as the integers that it computes.
//!
//! Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) has the format of MNIST, and shows ten kinds of clothes,
//! which are harder to tell apart.
//!
//! ```text
//! cargo run --release --example fashion -- --images 10
//! ```

use std::process::ExitCode;

use fhe_nn_examples::networks::{FashionCnn, FloatFashionCnn};
use fhe_nn_examples::{cli, story};

/// The least clear accuracy of the trained network.
const ACCURACY: f64 = 0.855;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted images of clothes")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(|args: Args| {
        story::images::<FashionCnn, FloatFashionCnn>(
            &cli::data().join("fashion"),
            "fashion_cnn",
            ACCURACY,
            args.story,
        )
    })
}
