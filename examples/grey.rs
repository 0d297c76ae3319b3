//! Digits in two shades of grey: the same waves as in the example `mnist`, with fewer errors for their time.
//!
//! ```text
//! cargo run --release --example grey -- --images 10
//! ```

use std::process::ExitCode;

use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{GREY, GreyDigits};
use fhe_nn_examples::{cli, story};

/// The least clear accuracy of the trained network.
const ACCURACY: f64 = 0.986;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted MNIST digits in two shades of grey")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(|args: Args| {
        let test = Dataset::load(cli::data(), Split::Test)?;
        let accuracies = (ACCURACY, None);
        story::images::<GreyDigits>(&test, "grey_digits", Some(GREY), accuracies, args.story)
    })
}
