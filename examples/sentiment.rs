//! Classifies short texts by whether they say something good or bad.
//!
//! The texts are those of VADER (Hutto and Gilbert 2014, MIT licence, `data/SENTIMENT.md`), as 24 tokens
//! each from a vocabulary of 256. The client encrypts a token as 256 values, of which one is 1 and all
//! others are 0; the sum of the tokens' vectors is then exact and does not need a bootstrap. The network
//! is quantized after training.
//!
//! ```text
//! cargo run --release --example sentiment -- --images 20
//! ```

use std::error::Error as StdError;
use std::process::ExitCode;

use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::networks::float_accuracy;
use fhe_nn_examples::story::{self, Story};
use fhe_nn_examples::text::{TOKENS, Texts};

/// Tells good texts from bad ones.
#[fhe_network(input(shape = [24], vocabulary = 256))]
struct Sentiment {
    #[bits(weights = 5)]
    embedding: Embedding<256, 8>,
    average: GlobalAvgPool,
    #[bits(weights = 3, accumulator = 14, overflow = calibrated)]
    fc1: Dense<8, 8>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, accumulator = 12, overflow = calibrated)]
    fc2: Dense<8, 2>,
}

/// The clear accuracy may be at most this much lower than that of the floats.
const LOSS: f64 = 0.01;

#[derive(clap::Parser)]
#[command(about = "Classify encrypted texts")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(sentiment)
}

fn sentiment(args: Args) -> Result<(), Box<dyn StdError>> {
    let texts = Texts::load(
        cli::data().join("sentiment.tsv"),
        cli::data().join("vocabulary.txt"),
    )?;
    let (train, test) = (texts.part("train")?, texts.part("test")?);
    let mut floats = Floats::load(cli::data().join("sentiment.safetensors"))?;
    // the network was trained on the sum of the vectors, which is the average times their number
    let name = "fc1.weight";
    if let Some(weights) = floats.get(name) {
        let weights = weights.mapv(|w| w * TOKENS as f32);
        floats.insert(name, weights)?;
    }
    let network = Sentiment::quantize(&floats, train.inputs.view())?.network;
    let reals = float_accuracy(
        &Sentiment::float_scores(&floats, test.inputs.view())?,
        &test.labels,
    );
    let story = Story {
        what: "text",
        inputs: test.inputs.view(),
        labels: &test.labels,
        float_accuracy: Some(reals),
        least_accuracy: Some(reals - LOSS),
        show: &|index| format!("{}\n", test.texts[index]),
    };
    let plan = network.plan(&PlanOptions::default())?;
    story.tell(&network, &plan, args.story)
}
