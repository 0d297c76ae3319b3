//! Post-training quantization: how few bits does a trained network need?
//!
//! The network of the original article, 784-92-92-10 with sigmoids, is quantized from its floats
//! at 8 to 2 bits for inputs, weights and activations alike, and classifies MNIST's test images in
//! the clear. The default is the calibration that `quantize` takes by itself, under `overflow = calibrated`.
//!
//! ```text
//! cargo run --release --example ptq
//! ```
//!
//! With `--encrypted`, some images run encrypted through the network of 6 bits: with exact rounding, where
//! encrypted results equal the clear ones, and with approximate rounding, which takes fewer bootstraps.
//!
//! ```text
//! cargo run --release --example ptq -- --encrypted 10
//! ```

#[path = "ptq/candidates.rs"]
mod candidates;
#[path = "ptq/encrypted.rs"]
mod encrypted;
#[path = "ptq/float.rs"]
mod float;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fhe_nn_core::Error;
use fhe_nn_core::error::ModelError;
use fhe_nn_core::prelude::*;
use fhe_nn_core::quantize::Clipping;
use fhe_nn_examples::article::{Accumulators, VARIANTS, Variant};
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, s};
use serde_json::json;

/// Classify MNIST digits with networks quantized to 8 to 2 bits
#[derive(Parser)]
struct Args {
    /// Number of test images to classify
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    images: u32,
    /// Number of them to run encrypted, at 6 bits [default: none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    encrypted: Option<u32>,
    /// Keep the server's keys within this many megabytes of memory [default: any number]
    #[arg(long, value_name = "MB", requires = "encrypted")]
    memory_limit: Option<u64>,
    /// Folder of MNIST's .gz files [default: the one that comes with the example]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print the figures as a JSON object on the last line
    #[arg(long)]
    json: bool,
}

/// The ways to find ranges; the default is last.
const METHODS: [Calibration; 3] = [
    Calibration::new().with_clipping(Clipping::MinMax),
    Calibration::new().with_clipping(Clipping::Percentile(99.9)),
    Calibration::new().with_clipping(Clipping::Mse),
];
/// The ways to hold accumulators to their widths; the default is last.
const KINDS: [Accumulators; 2] = [Accumulators::Checked, Accumulators::Calibrated];
/// The widths in the table, in its order.
const BITS: [u32; 7] = [8, 7, 6, 5, 4, 3, 2];
/// Bits that tables read in the large table.
const TABLE: u32 = 8;
/// The number of 10,000 images that the default may lose at 6 bits, which is 0.07 points.
const MOST_LOST: f64 = 7.0;

/// The data with which every variant is measured.
struct Trial {
    floats: Floats,
    samples: Array2<f32>,
    test: Dataset,
    /// What plans are searched for.
    options: PlanOptions,
    /// Whether these are all test images.
    is_whole: bool,
}

fn main() -> ExitCode {
    cli::run(ptq)
}

fn ptq(args: Args) -> Result<(), Box<dyn StdError>> {
    let all = Dataset::load(args.data.unwrap_or_else(cli::data), Split::Test)?;
    let images = (args.images as usize).min(all.labels.len());
    let trial = Trial {
        floats: Floats::load(cli::data().join("article.safetensors"))?,
        samples: Dataset::load(cli::data(), Split::Calibration)?.images,
        test: Dataset {
            images: all.images.slice(s![..images, ..]).to_owned(),
            labels: all.labels[..images].to_vec(),
        },
        options: match args.memory_limit {
            Some(megabytes) => {
                PlanOptions::new().with_memory_limit(megabytes.saturating_mul(1_000_000))
            }
            None => PlanOptions::new(),
        },
        is_whole: images == all.labels.len(),
    };
    drop(all);
    if let Some(n) = args.encrypted
        && n as usize > images
    {
        // the message that clap has for a constant range
        let range = format!("{n} is not in 1..={images}");
        return Err(format!("invalid value '{n}' for '--encrypted <N>': {range}").into());
    }
    let float = trial.accuracy(&float::predict(&trial.floats, &trial.test.images)?);
    println!(
        "784-92-92-10 with sigmoids, calibrated on {} training images, {images} test images in the clear",
        trial.samples.nrows(),
    );
    println!("float: {:.2}%\n", 100.0 * float);
    if let Some(n) = args.encrypted {
        return encrypted::run(&trial, float, n as usize, args.json);
    }

    let measured = Measured::over(&trial)?;
    let methods = measured.print_methods();
    measured.print_tables();
    let time = measured.time / measured.accuracies.len() as u32;
    println!("\n{images} images in the clear take {time:.2?}");

    let default = &methods[&format!("{}, {}", Accumulators::Calibrated, Calibration::default())];
    let lost = trial.loss(float, default["6"]);
    println!("at 6 bits the default loses {:.2} points", 100.0 * lost);
    if args.json {
        println!(
            "{}",
            json!({"float": float, "bits": default, "methods": methods})
        );
    }
    Ok(())
}

/// The accuracy of every variant under every method.
struct Measured {
    accuracies: Vec<(&'static Variant, Calibration, f64)>,
    /// The time that all networks took for the images.
    time: Duration,
}

/// Accuracies by method and then by bits.
type ByMethod = BTreeMap<String, BTreeMap<String, f64>>;

impl Measured {
    fn over(trial: &Trial) -> Result<Self, Box<dyn StdError>> {
        let bar = ProgressBar::new((VARIANTS.len() * METHODS.len()) as u64);
        bar.set_style(ProgressStyle::with_template(
            "{bar:40} {pos}/{len} networks",
        )?);
        let (mut accuracies, mut time) = (Vec::new(), Duration::ZERO);
        for variant in VARIANTS {
            for method in METHODS {
                let images = trial.test.images.view();
                match (variant.predict)(&trial.floats, &trial.samples, &method, images) {
                    Ok(predicted) => {
                        accuracies.push((variant, method, trial.accuracy(&predicted.digits)));
                        time += predicted.time;
                    }
                    // sums of wide weights leave the width that scores may have: the table has no figure there
                    Err(Error::Model(ModelError::AccumulatorBreaks { .. }))
                        if variant.bits == 8 => {}
                    Err(error) => return Err(error.into()),
                }
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        Ok(Measured { accuracies, time })
    }

    fn accuracy(&self, kind: Accumulators, method: Calibration, bits: u32, table: u32) -> f64 {
        let is_it = |variant: &Variant| {
            (variant.accumulators, variant.bits, variant.table) == (kind, bits, table)
        };
        let mut all = self.accuracies.iter();
        let found = all.find(|(variant, m, _)| is_it(variant) && *m == method);
        found.map_or(f64::NAN, |(_, _, accuracy)| *accuracy)
    }

    /// Prints the article's table: accuracy by bits and method.
    fn print_methods(&self) -> ByMethod {
        let columns: String = BITS.iter().map(|bits| format!("{bits:>7}")).collect();
        println!("bits of inputs, weights, activations{columns}");
        let mut methods = BTreeMap::new();
        for kind in KINDS {
            for method in METHODS {
                let row = BITS.map(|bits| self.accuracy(kind, method, bits, TABLE));
                let name = format!("{kind}, {method}");
                println!("{name:36}{}", percent(&row));
                let bits = BITS.map(|bits| bits.to_string());
                methods.insert(name, bits.into_iter().zip(row).collect());
            }
        }
        methods
    }

    /// Prints the effect of the width of the tables.
    fn print_tables(&self) {
        let method = Calibration::default();
        println!("\nbits that tables read, at 6 bits, {method}      6      7      8");
        for kind in KINDS {
            let row = [6, 7, 8].map(|table| self.accuracy(kind, method, 6, table));
            println!("{:36}{}", kind.to_string(), percent(&row));
        }
    }
}

impl Trial {
    /// The fraction of the test images that is classified correctly.
    fn accuracy(&self, predicted: &[usize]) -> f64 {
        let pairs = predicted.iter().zip(&self.test.labels);
        let right = pairs.filter(|(digit, label)| **digit == usize::from(**label));
        right.count() as f64 / self.test.labels.len() as f64
    }

    /// The accuracy that 6 bits lose compared with the floats.
    ///
    /// # Panics
    /// Panics if the loss over all test images exceeds its limit.
    fn loss(&self, float: f64, accuracy: f64) -> f64 {
        let lost = float - accuracy;
        let images = (lost * self.test.labels.len() as f64).round();
        assert!(
            !self.is_whole || images <= MOST_LOST,
            "at 6 bits {images} images are lost, but {MOST_LOST} are allowed"
        );
        lost
    }
}

fn percent(accuracies: &[f64]) -> String {
    let cell = |accuracy: &f64| match accuracy.is_nan() {
        true => format!("{:>7}", "-"),
        false => format!("{:>7.2}", 100.0 * accuracy),
    };
    accuracies.iter().map(cell).collect()
}
