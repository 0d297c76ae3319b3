//! Trains the networks of the other examples on MNIST, and writes their float weights.
//!
//! - `digits`, `careful_digits` and `quick_digits`: 784-n-10 with a wave, trained as the exact
//!   integers that they will compute, and `.quantized`, these integers;
//! - `article`: 784-92-92-10 with sigmoids, to be quantized after training;
//! - `calibration-*.gz`: 1,000 training images, 100 of each digit, to quantize with.
//!
//! ```text
//! cargo run --release --features train --example train_mnist -- --data ../shared/data/mnist
//! ```
//!
//! The same seed gives the same files on the same machine, whichever networks are trained with it.
//! With `--validate` the last 10,000 training images are held out, and the report is on them. The
//! recipes were chosen by that report alone; the test images serve for nothing but the final one.

use std::error::Error as StdError;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{self, CarefulDigits, Digits, QuickDigits};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

#[path = "train/mod.rs"]
mod training;

use training::design::Design;
use training::fit::{Recipe, accuracy, fit};
use training::recipes;
use training::sigmoid::SigmoidNet;
use training::wave::WaveNet;

/// Calibration images of each digit.
const PER_DIGIT: usize = 100;
/// Training images held out by `--validate`.
const HELD_OUT: usize = 10_000;

/// Train the example networks on MNIST
#[derive(Parser)]
struct Args {
    /// Folder of MNIST's four .gz files
    #[arg(long, value_name = "DIR", default_value = "../shared/data/mnist")]
    data: PathBuf,
    /// Folder to write to [default: the one that comes with the examples]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Everything random follows from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Networks to train [default: all]
    #[arg(long = "network", value_name = "NAME")]
    networks: Vec<Trainee>,
    /// Rounds over the training images, for all networks [default: as many as the recipes say]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    epochs: Option<u16>,
    /// Hold the last 10,000 training images out and report on them, not on the test images; needs --out
    #[arg(long)]
    validate: bool,
}

/// A network that can be trained. One generator of random numbers each: a change of one recipe
/// leaves the other networks as they were.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Trainee {
    Digits = 1,
    Article = 2,
    CarefulDigits = 3,
    QuickDigits = 4,
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
    let out = args.out.clone().unwrap_or_else(cli::data);
    fs::create_dir_all(&out)
        .map_err(|cause| format!("cannot create `{}`: {cause}", out.display()))?;
    let calibration = balanced(&training, &mut generator(args.seed, 0));
    calibration.save(&out, Split::Calibration)?;

    let course = Course {
        training,
        calibration,
        report,
        out,
        seed: args.seed,
        epochs: args.epochs,
    };
    let networks = if args.networks.is_empty() {
        Trainee::value_variants()
    } else {
        &args.networks
    };
    for &network in networks {
        match network {
            Trainee::Digits => course.wave::<Digits>("digits", network)?,
            Trainee::Article => course.article(network)?,
            Trainee::CarefulDigits => course.wave::<CarefulDigits>("careful_digits", network)?,
            Trainee::QuickDigits => course.wave::<QuickDigits>("quick_digits", network)?,
        }
    }
    Ok(())
}

/// What every network is trained with.
struct Course {
    training: Dataset,
    calibration: Dataset,
    report: Dataset,
    out: PathBuf,
    seed: u64,
    epochs: Option<u16>,
}

impl Course {
    /// Trains a network with a wave, and checks that its integers are what was trained.
    fn wave<N: Network>(
        &self,
        name: &'static str,
        trainee: Trainee,
    ) -> Result<(), Box<dyn StdError>> {
        let mut rng = generator(self.seed, trainee as u64);
        let model = WaveNet::new(Design::of(N::SPEC)?, &self.calibration, &mut rng)?;
        let start = Instant::now();
        let recipe = self.shortened(&recipes::WAVE);
        fit(name, &model, &self.training, &recipe, &mut rng)?;
        let seconds = start.elapsed().as_secs();
        let file = self.out.join(format!("{name}.safetensors"));
        candle_core::safetensors::save(&model.export()?, &file)?;
        println!("{name}: {} in {seconds} seconds", file.display());

        let trained = accuracy(&model, &self.report)?;
        let quantized = N::quantize(&Floats::load(&file)?, &self.calibration.images)?;
        let integer = networks::accuracy(&quantized.network, &self.report)?;
        println!(
            "{name}: {:.2}% as trained, {:.2}% in integers",
            100.0 * trained,
            100.0 * integer
        );
        print!("{}", quantized.report);
        println!("{}", quantized.network.plan(&Options::default())?);
        if integer != trained {
            return Err(format!("the integers of `{name}` and what was trained disagree").into());
        }
        let file = self.out.join(format!("{name}.quantized.safetensors"));
        Ok(quantized.network.save(file)?)
    }

    /// Trains the article's network, in floating point.
    fn article(&self, trainee: Trainee) -> Result<(), Box<dyn StdError>> {
        let mut rng = generator(self.seed, trainee as u64);
        let article = SigmoidNet::new(&[784, 92, 92, 10], &mut rng)?;
        let start = Instant::now();
        let recipe = self.shortened(&recipes::ARTICLE);
        fit("article", &article, &self.training, &recipe, &mut rng)?;
        let seconds = start.elapsed().as_secs();
        let file = self.out.join("article.safetensors");
        candle_core::safetensors::save(&article.export(), &file)?;
        println!(
            "article: {:.2}% in floating point",
            100.0 * accuracy(&article, &self.report)?
        );
        println!("article: {} in {seconds} seconds", file.display());
        Ok(())
    }

    /// The recipe with as many rounds as were asked for.
    fn shortened(&self, recipe: &Recipe) -> Recipe {
        Recipe {
            epochs: self.epochs.map_or(recipe.epochs, usize::from),
            ..*recipe
        }
    }
}

/// Random numbers of a purpose.
fn generator(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

/// The images to train on, and those to report on.
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

/// `PER_DIGIT` random images of each digit.
fn balanced(digits: &Dataset, rng: &mut ChaCha8Rng) -> Dataset {
    let mut chosen: Vec<usize> = (0..digits.labels.len()).collect();
    chosen.shuffle(rng);
    let mut counts = [0; 10];
    chosen.retain(|&index| {
        let count = &mut counts[usize::from(digits.labels[index])];
        *count += 1;
        *count <= PER_DIGIT
    });
    digits.select(&chosen)
}
