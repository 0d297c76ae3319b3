//! Trains the networks of the other examples on MNIST, and writes their float weights.
//!
//! - `digits.safetensors`: 784-64-10 with a wave, trained as the exact integers that it will compute,
//!   and `digits.quantized.safetensors`, these integers;
//! - `article.safetensors`: 784-92-92-10 with sigmoids, to be quantized after training;
//! - `calibration-*.gz`: 1,000 training images, 100 of each digit, to quantize with.
//!
//! ```text
//! cargo run --release --features train --example train_mnist -- --data ../shared/data/mnist
//! ```
//!
//! The same seed gives the same files on the same machine. With `--validate` the last 10,000
//! training images are held out, and the report is on them. The recipes below were chosen by that
//! report alone; the test images serve for nothing but the final one.

use std::error::Error as StdError;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::Digits;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

#[path = "train/mod.rs"]
mod training;

use training::augment::Augment;
use training::fit::{Recipe, accuracy, fit};
use training::sigmoid::SigmoidNet;
use training::wave::WaveNet;

/// Decaying the wave's latent weights keeps its sums small, and its response to an image smooth.
const DIGITS: Recipe = Recipe {
    epochs: 80,
    batch: 200,
    rate: 4e-3,
    decay: 0.06,
    augment: Augment {
        shift: 1.0,
        rotation: 0.08,
        scale: 0.06,
        shear: 0.08,
    },
};

/// Decay here keeps weights and sums compact: 6 bits then resolve them well.
const ARTICLE: Recipe = Recipe {
    epochs: 30,
    batch: 200,
    rate: 4e-3,
    decay: 0.05,
    augment: Augment {
        shift: 1.0,
        rotation: 0.15,
        scale: 0.1,
        shear: 0.15,
    },
};

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
    /// Rounds over the training images, for both networks [default: as many as the recipes say]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    epochs: Option<u16>,
    /// Hold the last 10,000 training images out and report on them, not on the test images
    #[arg(long)]
    validate: bool,
}

fn main() -> ExitCode {
    cli::run(train)
}

fn train(args: Args) -> Result<(), Box<dyn StdError>> {
    let (training, report) = load(&args)?;
    let out = args.out.unwrap_or_else(cli::data);
    fs::create_dir_all(&out)
        .map_err(|cause| format!("cannot create `{}`: {cause}", out.display()))?;
    let recipe = |recipe: Recipe| Recipe {
        epochs: args.epochs.map_or(recipe.epochs, usize::from),
        ..recipe
    };
    // one generator per purpose: a change of one recipe leaves the other network as it was
    let generator = |purpose| {
        let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
        rng.set_stream(purpose);
        rng
    };

    let calibration = balanced(&training, &mut generator(0));
    calibration.save(&out, Split::Calibration)?;

    let mut rng = generator(1);
    let digits = WaveNet::new(&calibration, &mut rng)?;
    let seconds = timed(|| fit("digits", &digits, &training, &recipe(DIGITS), &mut rng))?;
    digits.keep_promise()?;
    let file = out.join("digits.safetensors");
    candle_core::safetensors::save(&digits.export()?, &file)?;
    println!("digits: {} in {seconds} seconds", file.display());
    let trained = accuracy(&digits, &report)?;
    let quantized = Digits::quantize(&Floats::load(&file)?, &calibration.images)?;
    let integer = score(&quantized.network, &report)?;
    println!(
        "digits: {:.2}% as trained, {:.2}% in integers",
        100.0 * trained,
        100.0 * integer
    );
    print!("{}", quantized.report);
    if integer != trained {
        return Err("the integers and the trained network disagree".into());
    }
    quantized
        .network
        .save(out.join("digits.quantized.safetensors"))?;

    let mut rng = generator(2);
    let article = SigmoidNet::new(&[784, 92, 92, 10], &mut rng)?;
    let seconds = timed(|| fit("article", &article, &training, &recipe(ARTICLE), &mut rng))?;
    let file = out.join("article.safetensors");
    candle_core::safetensors::save(&article.export(), &file)?;
    println!(
        "article: {:.2}% in floating point",
        100.0 * accuracy(&article, &report)?
    );
    println!("article: {} in {seconds} seconds", file.display());
    Ok(())
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

/// Fraction of the images that the integers classify right.
fn score(digits: &Digits, images: &Dataset) -> Result<f64, Box<dyn StdError>> {
    let scores = digits.run_batch(images.images.view())?;
    let right = scores
        .iter()
        .zip(&images.labels)
        .filter(|(s, l)| s.argmax() == usize::from(**l));
    Ok(right.count() as f64 / images.labels.len() as f64)
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

/// Seconds that a task takes.
fn timed(task: impl FnOnce() -> candle_core::Result<()>) -> candle_core::Result<u64> {
    let start = Instant::now();
    task()?;
    Ok(start.elapsed().as_secs())
}
