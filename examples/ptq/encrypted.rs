//! Encrypted runs of the 6-bit network: exact ones, and approximate ones, which take less time.

use std::error::Error as StdError;
use std::io::Seek;
use std::time::{Duration, Instant};

use fhe_nn_core::prelude::*;
use fhe_nn_core::run::Progress;
use fhe_nn_core::run::{Profile, Work};
use fhe_nn_examples::cli;
use fhe_nn_examples::exchange::Exchange;
use fhe_nn_examples::networks::accuracy_of;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::Trial;
use crate::candidates::{Candidate, compare};

/// Runs the first images of a trial encrypted.
pub(crate) fn run(
    trial: &Trial,
    float: f64,
    images: usize,
    json: bool,
) -> Result<(), Box<dyn StdError>> {
    let (exact, approximate) = compare(trial)?;
    println!(
        "\nat 6 bits, calibrated, with tables of 6 bits, {:.2} points are lost\n",
        100.0 * trial.loss(float, exact.accuracy)
    );
    announce(&exact.plan);
    announce(&approximate.plan);

    // one network after the other, so that its keys are dropped before the next ones are made
    let exactly = Encrypted::run(&exact, trial, images)?;
    assert_eq!(
        exactly.equal, images,
        "an encrypted result differs from the clear one"
    );
    let approximately = Encrypted::run(&approximate, trial, images)?;
    if let Some(bytes) = cli::peak_memory_bytes() {
        println!("peak memory: {} MB", bytes / 1_000_000);
    }
    if json {
        let figures = json!({
            "float": float,
            "clear_6bit": exact.accuracy,
            "exact": {
                "equal": exactly.equal,
                "seconds_per_image": exactly.seconds_per_image(),
                "bootstraps": exact.plan.bootstraps(),
                "log2_failure": exact.plan.log2_failure(),
            },
            "approximate": {
                "agree": approximately.agree,
                "seconds_per_image": approximately.seconds_per_image(),
                "simulated_accuracy": approximate.simulated.accuracy,
            },
        });
        println!("{figures}");
    }
    Ok(())
}

/// Prints what the optimizer found and predicts.
fn announce(plan: &Plan) {
    let threads = rayon::current_num_threads();
    println!("{plan}");
    println!(
        "  predicted: {:.2} s an image on {threads} threads\n",
        plan.predicted_seconds(threads)
    );
}

/// The encrypted runs of a network, compared with its clear ones.
struct Encrypted {
    images: usize,
    /// Number of results whose integers equal those of the clear run.
    equal: usize,
    /// Number of results with the same digit as the clear run.
    agree: usize,
    /// The server's time.
    time: Duration,
}

impl Encrypted {
    fn run<N: Network>(
        candidate: &Candidate<N>,
        trial: &Trial,
        images: usize,
    ) -> Result<Self, Box<dyn StdError>> {
        let Candidate {
            network,
            plan,
            clear,
            ..
        } = candidate;
        let name = &plan.client.network;
        let start = Instant::now();
        let client = ClientKey::generate(plan)?;
        // keys go through a file, as a server would get them, so that they are in memory only once
        let mut file = tempfile::tempfile()?;
        client.evaluation_key()?.write(&mut file)?;
        println!("{name}: keys in {:.2?}", start.elapsed());
        let start = Instant::now();
        file.rewind()?;
        let server = ServerKey::read(file, plan)?;
        println!("{name}: expanded in {:.2?}", start.elapsed());

        let of_one = u64::from(plan.bootstraps());
        let bar = ProgressBar::new(images as u64 * of_one).with_style(
            ProgressStyle::with_template("{bar:40} {pos}/{len} bootstraps, {eta} left")?,
        );
        let profile = Profile::default();
        let mut results: Vec<Scores> = Vec::with_capacity(images);
        let mut time = Duration::ZERO;
        for (index, image) in trial
            .test
            .images
            .rows()
            .into_iter()
            .enumerate()
            .take(images)
        {
            let progress = |progress: Progress| {
                bar.set_position(index as u64 * of_one + progress.done as u64);
            };
            let execution = Execution::new()
                .with_progress(&progress)
                .with_profile(&profile);
            let done = Exchange::run(network, &client, &server, &image.to_vec(), &execution)?;
            bar.suspend(|| {
                println!(
                    "image {index}: {name} encrypted predicts {}, label {}, equal to clear: {}, {:.2?}",
                    done.scores.argmax(),
                    trial.test.labels[index],
                    if done.scores == clear[index] { "yes" } else { "no" },
                    done.time,
                );
            });
            time += done.time;
            results.push(done.scores);
        }
        bar.finish_and_clear();

        let count = |same: fn(&Scores, &Scores) -> bool| {
            let pairs = results.iter().zip(clear);
            pairs
                .filter(|(encrypted, clear)| same(encrypted, clear))
                .count()
        };
        let measured = Encrypted {
            images,
            equal: count(|encrypted, clear| encrypted == clear),
            agree: count(|encrypted, clear| encrypted.argmax() == clear.argmax()),
            time,
        };
        let share = |work| 100.0 * profile.time(work).as_secs_f64() / time.as_secs_f64();
        println!(
            "{name}: of {images} encrypted results {} equal the clear ones, {} are of the same digit, \
             {:.2}% are right\n\
             {name}: {} bootstraps, {:.2} s an image on {} threads: {:.1}% keyswitches, \
             {:.1}% linear layers, {:.1}% rotations\n",
            measured.equal,
            measured.agree,
            100.0 * accuracy_of(&results, &trial.test.labels),
            plan.bootstraps(),
            measured.seconds_per_image(),
            rayon::current_num_threads(),
            share(Work::Keyswitch),
            share(Work::Linear),
            share(Work::Rotation),
        );
        Ok(measured)
    }

    fn seconds_per_image(&self) -> f64 {
        self.time.as_secs_f64() / self.images as f64
    }
}
