//! A watch that tells exercises apart without showing what it measures: a convolution over time.
//!
//! Each row has four seconds of an accelerometer and a gyroscope, 25 times a second, while its wearer does one of seven
//! exercises of the shoulder. The test rows are of three persons of whom training has seen nothing. The six signals have a scale
//! each.
//!
//! ```text
//! cargo run --release --example sensors
//! ```

use std::error::Error;
use std::process::ExitCode;

use fhe_nn_core::{PlanOptions, prelude::*};
use fhe_nn_examples::cli;
use fhe_nn_examples::networks::{FloatSensors, Sensors};
use fhe_nn_examples::story::{self, Story, float_accuracy_of};
use fhe_nn_examples::watch::Windows;

/// What the integers may lose of the accuracy of the floats of their shape.
const LOSS: f64 = 0.02;
const EXERCISES: [&str; 7] = [
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "trapezius extension",
    "upright row",
];

#[derive(clap::Parser)]
#[command(about = "Tell exercises apart by what a watch measures, encrypted")]
struct Args {
    #[command(flatten)]
    story: story::Options,
}

fn main() -> ExitCode {
    cli::run(sensors)
}

fn sensors(args: Args) -> Result<(), Box<dyn Error>> {
    let (_, test) = Windows::load()?;
    let (inputs, labels) = (test.inputs.view(), &test.labels);
    let network = Sensors::load(cli::data().join("sensors.quantized.safetensors"))?;
    let floats = float_accuracy_of::<FloatSensors>("sensors", inputs, labels)?;
    let story = Story {
        what: "window",
        inputs,
        labels,
        float_accuracy: Some(floats),
        least_accuracy: Some(floats - LOSS),
        show: &|index| format!("{}\n", EXERCISES[usize::from(labels[index])]),
    };
    let plan = network.plan(&PlanOptions::default())?;
    story.tell(&network, &plan, args.story)
}
