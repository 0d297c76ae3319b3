//! Searches a family of networks for the most accurate members that are fast enough encrypted.
//!
//! ```text
//! cargo run --release --features train --example search -- --network digits --budget 0.5 --epochs 10 \
//!     --vary hidden.neurons=32,64,96 --vary wave.phases=4,16
//! ```
//!
//! The program prints the Pareto front of accuracy against predicted time and the declaration of the most accurate
//! network, and writes a plot. Images are moved, but not distorted, so a recipe of the example `train` may do better.
//! Accuracy is measured on the last 10,000 training images, which are held out. Test images take no part in the choice.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{
    Candidate, Examples, Family, Number, Search, Trainable, Trainer, WeightScales,
};
use fhe_nn_examples::augment::Augment;
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{CLOTHES, Digits, DigitsCnn, Fashion};
use fhe_nn_examples::shades::Shades;

/// Number of training images held out to compare networks.
const HELD_OUT: usize = 10_000;

/// Search a family of networks on MNIST, or on images of its format
#[derive(Parser)]
struct Args {
    /// The network to vary
    #[arg(long, value_name = "NAME", default_value = "digits")]
    network: Origin,
    /// A number of a field and its values, such as `wave.phases=4,16`
    #[arg(long, value_name = "FIELD.NUMBER=VALUES", value_parser = variation)]
    vary: Vec<Variation>,
    /// Folder of the training images
    #[arg(long, value_name = "DIR", default_value = "../shared/data/mnist")]
    data: PathBuf,
    /// Seconds that an encrypted image may take on two threads
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    budget: f64,
    /// Number of rounds over the training images
    #[arg(long, value_name = "N", default_value_t = 10)]
    epochs: usize,
    /// Number of training images
    #[arg(long, value_name = "N", default_value_t = usize::MAX)]
    images: usize,
    /// File for the plot
    #[arg(long, value_name = "FILE", default_value = "search.svg")]
    plot: PathBuf,
}

/// A network that can be varied.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Origin {
    Digits,
    DigitsCnn,
    /// For Fashion-MNIST
    Fashion,
}

/// A number of a field and its values.
#[derive(Clone)]
struct Variation {
    field: String,
    number: Number,
    values: Vec<u32>,
}

fn variation(text: &str) -> Result<Variation, String> {
    let parts = text.split_once('=').and_then(|(what, values)| {
        let (field, number) = what.split_once('.')?;
        Some((field, number, values))
    });
    let (field, number, values) = parts.ok_or("write `field.number=value,value`")?;
    let known = Number::ALL.into_iter().find(|known| known.name() == number);
    let names = Number::ALL.map(Number::name).join(", ");
    let values = values.split(',').map(|value| value.parse::<u32>());
    Ok(Variation {
        field: field.to_owned(),
        number: known.ok_or_else(|| format!("numbers are {names}"))?,
        values: values
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?,
    })
}

fn main() -> ExitCode {
    cli::run(search)
}

fn search(args: Args) -> Result<(), Box<dyn StdError>> {
    let mut images = Dataset::load(&args.data, Split::Train)?;
    let clothes = args.network == Origin::Fashion;
    let shades: Option<Shades> = clothes.then_some(CLOTHES);
    if let Some(shades) = shades {
        images.images = shades.of(images.images.view());
    }
    let labels: Vec<u32> = images
        .labels
        .iter()
        .map(|&label| u32::from(label))
        .collect();
    let rest = images.labels.len().saturating_sub(HELD_OUT);
    let used = rest.min(args.images);
    let part = |range: std::ops::Range<usize>| {
        let inputs = images.images.slice(ndarray::s![range.clone(), ..]);
        Examples::new(inputs, &labels[range])
    };
    let (training, held_out) = (part(0..used)?, part(rest..images.labels.len())?);
    let moved = Augment::new()
        .with_shift(1.0)
        .with_rotation(if clothes { 0.04 } else { 0.1 })
        .with_scale(0.06)
        .with_shear(if clothes { 0.03 } else { 0.1 })
        .with_mirror(clothes);
    let augment = |image: &[f32], copy: &mut [f32], random: &mut _| match shades {
        None => moved.apply(image, copy, random),
        Some(shades) => shades.augment(&moved, image, copy, random),
    };
    let trainer = Trainer::new()
        .with_epochs(args.epochs)
        .with_augment(&augment);
    // small integers have small noise, which gives the same accuracy faster
    let prepare = |module: Trainable| module.with_weight_scales(WeightScales::Greatest);
    let search = Search::new()
        .with_trainer(trainer)
        .with_budget(args.budget)
        .with_threads(2)
        .with_prepare(&prepare);
    let origin = match args.network {
        Origin::Digits => Digits::SPEC,
        Origin::DigitsCnn => DigitsCnn::SPEC,
        Origin::Fashion => Fashion::SPEC,
    };
    let vary = |family: Family,
                Variation {
                    field,
                    number,
                    values,
                }| family.vary(&field, number, values);
    let family = args.vary.into_iter().fold(Family::new(origin), vary);
    println!("{} networks", family.members()?.len());
    let front = search.run(&family, &training, &held_out, |found| {
        println!("{}", line(found))
    })?;
    let (fit, slow) = (front.candidates.len(), front.slow.len());
    println!(
        "{} trained, {slow} of them too slow; {} not; the best:",
        fit + slow,
        front.refused.len()
    );
    for error in front
        .refused
        .iter()
        .filter_map(|refused| refused.error.as_ref())
    {
        println!("refused: {error}");
    }
    for best in front.pareto() {
        println!("{}", line(best));
    }
    if let Some(best) = front.pareto().last() {
        print!("{}", best.spec.declaration(&[]));
    }
    front.save_svg(&args.plot)?;
    println!("{}", args.plot.display());
    Ok(())
}

fn line(candidate: &Candidate) -> String {
    let plan = &candidate.plan;
    let layers = candidate
        .spec
        .layers
        .iter()
        .map(|layer| layer.op.to_string());
    let (accuracy, seconds) = (100.0 * candidate.accuracy, candidate.seconds);
    let layers: Vec<String> = layers.collect();
    format!(
        "{accuracy:.2}%, {seconds:.2} s, {} bootstraps: {}",
        plan.bootstraps(),
        layers.join(", ")
    )
}
