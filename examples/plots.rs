//! Draws the plots of BENCHMARKS.md from the models that come with the examples.
//!
//! ```text
//! cargo run --release --features train --example plots
//! ```
//!
//! Accuracies are those of the exact integers on all 10,000 test images of MNIST. Times are predicted by the plans for
//! the machine on which Concrete ML was measured, so that the two can be compared. The time of an image on this
//! machine is measured and printed. Figures of other systems were published, or measured for this project.

use std::error::Error as StdError;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fhe_nn_core::Error;
use fhe_nn_core::plot::{Axis, Plot, Series, front, svg};
use fhe_nn_core::prelude::*;
use fhe_nn_examples::article::{Accumulators, Article2, Article3, Article4, VARIANTS};
use fhe_nn_examples::cli;
use fhe_nn_examples::exchange::Exchange;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{
    CarefulDigits, Digits, DigitsCnn, GREY, GreyDigits, QuickDigits, accuracy, float_accuracy,
};

/// Draw the plots of BENCHMARKS.md
#[derive(Parser)]
struct Args {
    /// Number of images that each network classifies encrypted
    #[arg(long, value_name = "N", default_value_t = 3)]
    images: usize,
    /// Folder to write to [default: the one that comes with the examples]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Encrypted MNIST with Concrete ML on the machine on which this project is measured: name, seconds an image, per cent
/// right.
const CONCRETE_ML: [(&str, f64, f64); 3] = [
    ("exact, 3 bits", 13.0, 97.98),
    ("exact, 6 bits", 34.4, 98.01),
    ("approximate, p_error 0.01", 2.3, 97.67),
];
/// Published figures of encrypted MNIST, each on hardware of its own: name, seconds an image, per cent right.
const PUBLISHED: [(&str, f64, f64); 8] = [
    ("FHE-DiNN-30, 80 bits", 0.49, 93.7),
    ("FHE-DiNN-100, 80 bits", 1.65, 96.35),
    ("NN-20, 192 cores", 0.995, 95.9),
    ("NN-50, 192 cores", 3.03, 94.8),
    ("TT-TFHE, 4 cores", 4.4, 98.1),
    ("NTRU, 16 cores", 0.14, 93.0),
    ("LoLa (BFV), 8 cores", 2.2, 98.95),
    ("FHEW/TFHE, a GPU", 0.04, 96.5),
];

fn main() -> ExitCode {
    cli::run(plots)
}

fn plots(args: Args) -> Result<(), Box<dyn StdError>> {
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| cli::data().join("plots"));
    fs::create_dir_all(&out)
        .map_err(|cause| format!("cannot create `{}`: {cause}", out.display()))?;
    let test = Dataset::load(cli::data(), Split::Test)?;
    let draw = |name: &str, plot: Plot| {
        let file = out.join(name);
        fs::write(&file, svg(&[plot]))
            .map_err(|cause| format!("cannot write `{}`: {cause}", file.display()))?;
        println!("{}", file.display());
        Ok::<(), String>(())
    };
    draw("bits.svg", bits(&test)?)?;
    draw("time.svg", time(&test, args.images)?)?;
    Ok(())
}

/// Plots the accuracy of the article's network against bits.
fn bits(test: &Dataset) -> Result<Plot, Box<dyn StdError>> {
    let floats = Floats::load(cli::data().join("article.safetensors"))?;
    let samples = Dataset::load(cli::data(), Split::Calibration)?.images;
    let after = |accumulators: Accumulators| -> Result<Vec<(f64, f64)>, Error> {
        let variants = VARIANTS
            .iter()
            .filter(|own| own.table == 8 && own.accumulators == accumulators);
        let points = variants.map(|own| {
            let found = (own.predict)(&floats, &samples, &Calibration::new(), test.images.view())?;
            let pairs = found.digits.iter().zip(&test.labels);
            let right = pairs
                .filter(|(digit, label)| **digit == usize::from(**label))
                .count();
            Ok((
                f64::from(own.bits),
                100.0 * right as f64 / test.labels.len() as f64,
            ))
        });
        points.collect()
    };
    let float = 100.0
        * float_accuracy(
            &Article4::float_scores(&floats, test.images.view())?,
            &test.labels,
        );
    let aware = [
        (2.0, 100.0 * loaded::<Article2>("article2", test)?.1),
        (3.0, 100.0 * loaded::<Article3>("article3", test)?.1),
        (4.0, 100.0 * loaded::<Article4>("article4", test)?.1),
    ];
    for (bits, accuracy) in aware {
        println!("784-92-92-10 trained at {bits} bits: {accuracy:.2}%");
    }
    let plot = Plot::new(
        "784-92-92-10 on MNIST",
        Axis::linear("bits of inputs, weights and activations"),
        Axis::linear("test images right, %"),
    );
    Ok(plot.with_series([
        Series::line("float", vec![(2.0, float), (8.0, float)]),
        Series::line("quantization-aware training", aware.to_vec()),
        Series::line(
            "after training, calibrated",
            after(Accumulators::Calibrated)?,
        ),
        Series::line("after training, checked", after(Accumulators::Checked)?),
    ]))
}

/// Plots accuracy against the time of an encrypted image.
fn time(test: &Dataset, images: usize) -> Result<Plot, Box<dyn StdError>> {
    let grey = Dataset {
        images: GREY.of(test.images.view()),
        labels: test.labels.clone(),
    };
    let own = [
        measured::<QuickDigits>("quick_digits", test, images)?,
        measured::<Digits>("digits", test, images)?,
        measured::<CarefulDigits>("careful_digits", test, images)?,
        measured::<GreyDigits>("grey_digits", &grey, images)?,
        measured::<DigitsCnn>("digits_cnn", test, images)?,
    ];
    let front = front(own, |(_, seconds, accuracy)| (*seconds, -accuracy));
    let others = |points: &[(&str, f64, f64)]| {
        points
            .iter()
            .map(|&(name, seconds, accuracy)| (name.to_owned(), seconds, accuracy))
            .collect()
    };
    let plot = Plot::new(
        "encrypted MNIST",
        Axis::logarithmic("seconds an image"),
        Axis::linear("test images right, %"),
    );
    Ok(plot.with_series([
        Series::named("fhe-nn, exact, 132 bits, 2 cores, predicted", front).with_line(true),
        Series::named("Concrete ML, 128 bits, 2 cores", others(&CONCRETE_ML)),
        Series::named("published", others(&PUBLISHED)),
    ]))
}

/// Loads a network that comes with the examples, and computes its accuracy on the test images.
fn loaded<N: Network>(name: &str, test: &Dataset) -> Result<(N, f64), Box<dyn StdError>> {
    let network = N::load(cli::data().join(format!("{name}.quantized.safetensors")))?;
    let accuracy = accuracy(&network, test)?;
    Ok((network, accuracy))
}

/// Returns the name, the predicted seconds of an encrypted image, and the per cent right in the clear. Prints the time
/// of an image on this machine.
///
/// # Panics
/// Panics if an encrypted result differs from the clear one.
fn measured<N: Network>(
    name: &str,
    test: &Dataset,
    images: usize,
) -> Result<(String, f64, f64), Box<dyn StdError>> {
    let (network, accuracy) = loaded::<N>(name, test)?;
    let plan = network.plan(&PlanOptions::default())?;
    let predicted = plan.predicted_seconds(2);
    let client = ClientKey::generate(&plan)?;
    let server = ServerKey::new(&client.evaluation_key()?);
    let mut seconds = Vec::new();
    for image in test.images.rows().into_iter().take(images.max(1)) {
        let image = image.to_vec();
        let exchange = Exchange::run(&network, &client, &server, &image, &Execution::default())?;
        assert_eq!(
            exchange.scores,
            network.run(&image)?,
            "encrypted equals clear"
        );
        seconds.push(exchange.time.as_secs_f64());
    }
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    println!(
        "{}: {:.2}%, {mean:.2} s an image here, {predicted:.2} s predicted",
        N::SPEC.name,
        100.0 * accuracy
    );
    Ok((N::SPEC.name.to_string(), predicted, 100.0 * accuracy))
}
