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
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{
    Device, Examples, Optimizer, Precision, Trainable, Trainer, WeightScales, accuracy,
};
use fhe_nn_examples::article::{Article2, Article3, Article4};
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{
    CarefulDigits, Digits, DigitsCnn, FashionCnn, FloatCarefulDigits, FloatDigits, FloatDigitsCnn,
    FloatFashionCnn, FloatQuickDigits, QuickDigits,
};

mod recipes;

use recipes::Recipe;

/// Number of training images held out by `--validate`.
const HELD_OUT: usize = 10_000;

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
    FashionCnn,
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
    FloatFashionCnn,
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
    let (training, report) = load(&args)?;
    let course = Course {
        training: (labels(&training), training),
        report: (labels(&report), report),
        args,
    };
    match course.args.network {
        Trainee::Digits => course.waves::<Digits>("digits", recipes::DENSE),
        Trainee::CarefulDigits => course.waves::<CarefulDigits>("careful_digits", recipes::DENSE),
        Trainee::QuickDigits => course.waves::<QuickDigits>("quick_digits", recipes::DENSE),
        Trainee::DigitsCnn => course.waves::<DigitsCnn>("digits_cnn", recipes::DISTORTED),
        Trainee::FashionCnn => course.waves::<FashionCnn>("fashion_cnn", recipes::FASHION),
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
        Trainee::FloatFashionCnn => {
            course.floats::<FloatFashionCnn>("fashion_cnn", recipes::FLOAT_FASHION)
        }
    }
}

/// The images with which every network is trained and compared, and the arguments.
struct Course {
    training: (Vec<u32>, Dataset),
    report: (Vec<u32>, Dataset),
    args: Args,
}

impl Course {
    /// Trains a network with a wave from random weights.
    fn waves<N: Network>(
        &self,
        name: &'static str,
        recipe: Recipe,
    ) -> Result<(), Box<dyn StdError>> {
        // small integers have small noise, which gives the same accuracy faster
        let mut module = N::trainable(&Device::Cpu)?.with_weight_scales(WeightScales::Greatest);
        self.integers::<N>(name, &mut module, recipe)
    }

    /// Trains the article's floats further at fewer bits.
    fn article<N: Network>(&self, name: &'static str) -> Result<(), Box<dyn StdError>> {
        let mut module = N::trainable(&Device::Cpu)?;
        let floats = Floats::load(cli::data().join("article.safetensors"))?;
        let samples = Dataset::load(cli::data(), Split::Calibration)?.images;
        module.load(&floats, samples.view())?;
        let begins = accuracy(&module, &examples(&self.report)?)?;
        println!("{name}: {:.2}% before training", 100.0 * begins);
        self.integers::<N>(name, &mut module, recipes::ARTICLE)
    }

    /// Trains a network as the integers that it will compute, and checks that quantization gives these integers.
    fn integers<N: Network>(
        &self,
        name: &'static str,
        module: &mut Trainable,
        recipe: Recipe,
    ) -> Result<(), Box<dyn StdError>> {
        let samples = self.fit(name, module, recipe)?;
        let floats = module.floats()?;
        floats.save(self.out(&format!("{name}.safetensors"))?)?;

        let report = examples(&self.report)?;
        let trained = accuracy(module, &report)?;
        let outcome = module.outcome::<N>(samples.view(), &report, &PlanOptions::default())?;
        println!("{outcome}");
        if outcome.quantized != trained {
            return Err(format!("the integers of `{name}` and what was trained disagree").into());
        }
        Ok(outcome
            .network
            .save(self.out(&format!("{name}.quantized.safetensors"))?)?)
    }

    /// Trains a network in floating point.
    fn floats<N: Network>(
        &self,
        name: &'static str,
        recipe: Recipe,
    ) -> Result<(), Box<dyn StdError>> {
        let mut module = N::trainable(&Device::Cpu)?.with_precision(Precision::Float);
        self.fit(name, &mut module, recipe)?;
        println!(
            "{name}: {:.2}% in floating point",
            100.0 * accuracy(&module, &examples(&self.report)?)?
        );
        Ok(module
            .latent()?
            .save(self.out(&format!("{name}.float.safetensors"))?)?)
    }

    /// Fits a module, and returns the samples that calibrated it.
    fn fit(
        &self,
        name: &'static str,
        module: &mut Trainable,
        recipe: Recipe,
    ) -> Result<ndarray::Array2<f32>, Box<dyn StdError>> {
        let (training, report) = (examples(&self.training)?, examples(&self.report)?);
        let augment = |image: &[f32], copy: &mut [f32], random: &mut _| {
            recipe.augment.apply(image, copy, random)
        };
        let decay = recipe.decay;
        let mut trainer = Trainer::new()
            .with_epochs(self.args.epochs.map_or(recipe.epochs, usize::from))
            .with_batch(recipe.batch)
            .with_rate(recipe.rate)
            .with_optimizer(Optimizer::AdamW { decay })
            .with_seed(self.args.seed)
            .with_augment(&augment);
        if self.args.resume {
            trainer = trainer.with_checkpoint(self.out(&format!("{name}.checkpoint"))?);
        }
        let start = Instant::now();
        // test images must not choose an epoch: without `--validate`, the last one is kept
        let validation = self.args.validate.then_some(&report);
        let history = trainer.fit(module, &training, validation)?;
        println!(
            "{name}: {} epochs in {:.0} seconds; {:?}",
            history.epochs.len(),
            start.elapsed().as_secs_f64(),
            history.epochs.last()
        );
        history.save_svg(self.out(&format!("{name}.svg"))?)?;
        Ok(trainer.samples(&training))
    }

    fn out(&self, file: &str) -> Result<PathBuf, Box<dyn StdError>> {
        let folder = self.args.out.clone().unwrap_or_else(cli::data);
        fs::create_dir_all(&folder)
            .map_err(|cause| format!("cannot create `{}`: {cause}", folder.display()))?;
        Ok(folder.join(file))
    }
}

fn labels(images: &Dataset) -> Vec<u32> {
    images
        .labels
        .iter()
        .map(|&label| u32::from(label))
        .collect()
}

fn examples((labels, images): &(Vec<u32>, Dataset)) -> Result<Examples<'_>, Error> {
    Examples::new(images.images.view(), labels)
}

/// Loads the images to train on and the images to report on.
fn load(args: &Args) -> Result<(Dataset, Dataset), Box<dyn StdError>> {
    let training = Dataset::load(&args.data, Split::Train)?;
    if !args.validate {
        return Ok((training, Dataset::load(&args.data, Split::Test)?));
    }
    let count = training.labels.len();
    let rest = count
        .checked_sub(HELD_OUT)
        .filter(|&rest| rest > 0)
        .ok_or_else(|| {
            format!("validation needs more than {HELD_OUT} training images, but there are {count}")
        })?;
    let part = |range: std::ops::Range<usize>| training.select(&range.collect::<Vec<_>>());
    Ok((part(0..rest), part(rest..count)))
}
