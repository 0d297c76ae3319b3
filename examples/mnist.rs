//! The main job: handwritten digits, classified without being seen.
//!
//! A client encrypts images, a server runs the network on the ciphertexts, the client decrypts the
//! scores; they equal those of the clear run.
//!
//! ```text
//! cargo run --release --example mnist -- --images 10
//! ```

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::exchange::Exchange;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{Digits, accuracy_of};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

/// Classify encrypted MNIST digits
#[derive(Parser)]
struct Args {
    /// How many test images to run encrypted
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    images: u32,
    /// Folder of MNIST's .gz files [default: the one that comes with the example]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print the figures as a JSON object on the last line
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::run(mnist)
}

fn mnist(args: Args) -> Result<(), Box<dyn StdError>> {
    let test = Dataset::load(args.data.unwrap_or_else(cli::data), Split::Test)?;
    let images = (args.images as usize).min(test.labels.len());
    let digits = Digits::load(cli::data().join("digits.quantized.safetensors"))?;
    print!("{}", Digits::SPEC);

    let start = Instant::now();
    let clear = digits.run_batch(test.images.view())?;
    let clear_time = start.elapsed();
    let clear_accuracy = accuracy_of(&clear, &test.labels);
    println!(
        "clear: {:.2}% of {} test images, {clear_time:.2?}\n",
        100.0 * clear_accuracy,
        test.labels.len()
    );

    let plan = digits.plan(&Options::default())?;
    println!("{plan}\n");

    // the client keeps its key; the server gets bytes
    let start = Instant::now();
    let client = ClientKey::generate(&plan)?;
    let key = client.evaluation_key().to_bytes()?;
    println!("client: keys in {:.2?}", start.elapsed());
    let start = Instant::now();
    let server = EvaluationKey::from_bytes(&key, &plan)?;
    println!(
        "server: evaluation key of {} bytes expanded in {:.2?}",
        key.len(),
        start.elapsed()
    );
    let evaluation_key_bytes = key.len();
    drop(key);

    let (mut equal, mut correct, mut time) = (0, 0, Duration::ZERO);
    let (mut request_bytes, mut reply_bytes) = (0, 0);
    let bar = ProgressBar::new(images as u64).with_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} images, {eta} left",
    )?);
    for (index, (image, &label)) in test.images.rows().into_iter().zip(&test.labels).enumerate() {
        if index == images {
            break;
        }
        let execution = Execution::default();
        let done = Exchange::run(&digits, &client, &server, &image.to_vec(), &execution)?;
        let (scores, elapsed) = (done.scores, done.time);
        time += elapsed;
        equal += usize::from(scores == clear[index]);
        correct += usize::from(scores.argmax() == usize::from(label));
        (request_bytes, reply_bytes) = (done.request_bytes, done.reply_bytes);
        bar.suspend(|| {
            if images <= 20 {
                print!("{}", picture(image.as_slice().unwrap_or_default()));
            }
            println!(
                "image {index}: encrypted prediction {}, label {label}, equal to clear: {}, {elapsed:.2?}",
                scores.argmax(),
                if scores == clear[index] { "yes" } else { "NO" },
            );
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds_per_image = time.as_secs_f64() / images as f64;
    println!(
        "\n{equal} of {images} encrypted results equal the clear ones, {correct} are right; \
         {seconds_per_image:.3} s an image on {} threads",
        rayon::current_num_threads()
    );
    assert_eq!(
        equal, images,
        "an encrypted result differs from the clear one"
    );
    if args.json {
        let figures = json!({
            "images": images,
            "encrypted_equals_clear": equal,
            "encrypted_correct": correct,
            "clear_accuracy": clear_accuracy,
            "seconds_per_image": seconds_per_image,
            "bootstraps": plan.bootstraps(),
            "log2_failure": plan.log2_failure(),
            "security_bits": fhe_nn_core::SECURITY_BITS,
            "evaluation_key_bytes": evaluation_key_bytes,
            "request_bytes": request_bytes,
            "reply_bytes": reply_bytes,
            "peak_memory_bytes": cli::peak_memory_bytes(),
            "threads": rayon::current_num_threads(),
        });
        println!("{figures}");
    }
    Ok(())
}

/// An image in characters, two rows a line.
fn picture(pixels: &[f32]) -> String {
    let rows: Vec<&[f32]> = pixels.chunks(28).collect();
    let pair = |rows: &[&[f32]]| {
        let lower = rows.last().copied().unwrap_or_default();
        let line = rows[0]
            .iter()
            .zip(lower)
            .map(|(&up, &down)| match (up >= 0.5, down >= 0.5) {
                (false, false) => ' ',
                (true, false) => '\'',
                (false, true) => '.',
                (true, true) => '#',
            });
        line.chain(['\n']).collect::<String>()
    };
    rows.chunks(2)
        .map(pair)
        .filter(|line| !line.trim().is_empty())
        .collect()
}
