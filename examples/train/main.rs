//! Trains the networks of the other examples, and writes their floats and integers.
//!
//! ```text
//! cargo run --release --features train --example train -- --network digits --data ../shared/data/mnist
//! ```
//!
//! The same seed gives the same files on the same machine. With `--validate`, the last 10,000 training
//! images are held out, and the report is about them. The recipes were chosen by that report alone (see
//! README.md in this folder). The test images serve only the final report.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use fhe_nn_core::train::Spread;
use fhe_nn_examples::article::{Article2, Article3, Article4};
use fhe_nn_examples::cli;
use fhe_nn_examples::networks::{
    CLOTHES, CarefulDigits, Digits, DigitsCnn, Fashion, FloatCarefulDigits, FloatDigits,
    FloatDigitsCnn, FloatQuickDigits, FloatSensors, GREY, GreyDigits, QuickDigits, Sensors,
};

mod course;
mod idle;
mod inputs;
mod recipes;

use course::Course;
use inputs::Reads;

/// Train the networks of the examples
#[derive(Parser)]
struct Args {
    /// The network to train
    #[arg(long, value_name = "NAME")]
    network: Trainee,
    /// Folder with the training and test images, four .gz files
    #[arg(long, value_name = "DIR", default_value = "../shared/data/mnist")]
    data: PathBuf,
    /// Folder to write to [default: the one that comes with the examples]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Train with this many seeds, one after the other, and print mean and spread; the networks of the first are written
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Number of rounds over the training images [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    epochs: Option<u16>,
    /// Hold out the last 10,000 training images and report on them, not on the test images; needs --out
    #[arg(long)]
    validate: bool,
    /// Resume an interrupted training
    #[arg(long)]
    resume: bool,
}

/// A network that can be trained.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trainee {
    Digits,
    CarefulDigits,
    QuickDigits,
    DigitsCnn,
    GreyDigits,
    Fashion,
    /// The article's network at 2 bits, trained from its floats
    Article2,
    /// The article's network at 3 bits
    Article3,
    /// The article's network at 4 bits
    Article4,
    /// The shape of `digits`, in floating point
    FloatDigits,
    FloatCarefulDigits,
    FloatQuickDigits,
    FloatDigitsCnn,
    /// Exercises by what a watch measures, whose windows come with the examples
    Sensors,
    FloatSensors,
}

impl Trainee {
    fn reads(self) -> Reads {
        match self {
            Trainee::GreyDigits => Reads::Shades(GREY),
            Trainee::Fashion => Reads::Shades(CLOTHES),
            Trainee::Sensors | Trainee::FloatSensors => Reads::Windows,
            _ => Reads::Images,
        }
    }
}

fn main() -> ExitCode {
    cli::run(train)
}

fn train(args: Args) -> Result<(), Box<dyn StdError>> {
    if args.validate && args.out.is_none() {
        let why =
            "`--validate` trains on fewer images: say with `--out` where to write the networks";
        return Err(why.into());
    }
    let (seed, seeds) = (args.seed, args.seeds);
    let mut course = Course::new(args)?;
    let mut accuracies = Vec::new();
    for seed in seed..seed.saturating_add(seeds) {
        course.begin(seed);
        accuracies.push(run(&course)?);
    }
    if seeds > 1 {
        println!("{}", Spread::new(accuracies));
    }
    Ok(())
}

/// Trains a network with one seed, and returns its accuracy.
fn run(course: &Course) -> Result<f64, Box<dyn StdError>> {
    match course.network() {
        Trainee::Digits => course.waves::<Digits>("digits", recipes::DENSE),
        Trainee::CarefulDigits => course.waves::<CarefulDigits>("careful_digits", recipes::DENSE),
        Trainee::QuickDigits => course.waves::<QuickDigits>("quick_digits", recipes::DENSE),
        Trainee::DigitsCnn => course.waves::<DigitsCnn>("digits_cnn", recipes::DISTORTED),
        Trainee::GreyDigits => course.waves::<GreyDigits>("grey_digits", recipes::DENSE),
        Trainee::Fashion => course.waves::<Fashion>("fashion", recipes::FASHION),
        Trainee::Article2 => course.article::<Article2>("article2"),
        Trainee::Article3 => course.article::<Article3>("article3"),
        Trainee::Article4 => course.article::<Article4>("article4"),
        Trainee::FloatDigits => course.floats::<FloatDigits>("digits", recipes::FLOAT),
        Trainee::FloatCarefulDigits => {
            course.floats::<FloatCarefulDigits>("careful_digits", recipes::FLOAT)
        }
        Trainee::FloatQuickDigits => {
            course.floats::<FloatQuickDigits>("quick_digits", recipes::FLOAT)
        }
        Trainee::FloatDigitsCnn => {
            course.floats::<FloatDigitsCnn>("digits_cnn", recipes::FLOAT_DISTORTED)
        }
        Trainee::Sensors => course.waves::<Sensors>("sensors", recipes::SENSORS),
        Trainee::FloatSensors => course.floats::<FloatSensors>("sensors", recipes::FLOAT_SENSORS),
    }
}
