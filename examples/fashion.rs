//! Clothes of Fashion-MNIST, in four shades of grey, by a network that was trained as the integers that it computes.
//!
//! Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) has the format of MNIST, and shows ten kinds of clothes, which are harder to tell
//! apart. A wave takes its sums modulo 32, so a grey pixel comes as four black-and-white ones, each with a threshold and a weight
//! of its own. Each of the 479 neurons takes one bootstrap.
//!
//! ```text
//! cargo run --release --example fashion -- --images 10
//! ```

use std::process::ExitCode;

use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{CLOTHES, Fashion};
use fhe_nn_examples::{cli, story};

/// The least clear accuracy of the trained network.
const ACCURACY: f64 = 0.89;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted images of clothes")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(|args: Args| {
        let test = Dataset::load(cli::data().join("fashion"), Split::Test)?;
        let accuracies = (ACCURACY, None);
        story::images::<Fashion>(&test, "fashion", Some(CLOTHES), accuracies, args.story)
    })
}
