//! The candidates for the declaration of the 6-bit network, with the time and the accuracy that each
//! would have encrypted. Plans and simulations predict both, so keys are not needed.

use std::time::{Duration, Instant};

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_examples::declare_article;
use fhe_nn_examples::networks::accuracy_of;

use crate::Trial;

declare_article!(pub(crate) Exact, 6, calibrated, 6, exact, []);
declare_article!(pub(crate) Approximate, 6, calibrated, 6, approximate, []);
declare_article!(pub(crate) ExactChecked7, 6, checked, 7, exact, []);
declare_article!(pub(crate) ApproximateChecked7, 6, checked, 7, approximate, []);
declare_article!(pub(crate) ExactChecked8, 6, checked, 8, exact, []);
declare_article!(pub(crate) ApproximateChecked8, 6, checked, 8, approximate, []);

/// The seed of the simulated noise.
const SEED: u64 = 6;
/// Number of threads for which the table predicts times.
const THREADS: usize = 2;

/// A quantized network with its plan, and its results in the clear and simulated.
pub(crate) struct Candidate<N> {
    pub(crate) network: N,
    pub(crate) plan: Plan,
    /// The scores of all test images in the clear.
    pub(crate) clear: Vec<Scores>,
    pub(crate) accuracy: f64,
    pub(crate) simulated: Simulated,
}

/// The results of a simulation over the test images.
pub(crate) struct Simulated {
    pub(crate) accuracy: f64,
    pub(crate) time: Duration,
}

impl<N: Network> Candidate<N> {
    pub(crate) fn new(trial: &Trial) -> Result<Self, Error> {
        // as the table above: pixels at the border are black in every image
        let calibration = Calibration::new().with_drop_constants(true);
        let quantized = N::quantize_with(&trial.floats, trial.samples.view(), &calibration)?;
        let network = quantized.network;
        let plan = network.plan(&trial.options)?;
        let (images, labels) = (trial.test.images.view(), &trial.test.labels);
        let clear = network.run_batch(images)?;
        let start = Instant::now();
        let simulated = network.simulate(&plan, images, SEED)?;
        Ok(Candidate {
            accuracy: accuracy_of(&clear, labels),
            simulated: Simulated {
                time: start.elapsed(),
                accuracy: accuracy_of(&simulated, labels),
            },
            network,
            plan,
            clear,
        })
    }

    /// Prints a line of the table.
    fn print(&self, name: &str) {
        println!(
            "{name:40}{:>7.2}{:>12}{:>11.2} s{:>9} MB{:>11.2}{:>8.1} s",
            100.0 * self.accuracy,
            self.plan.bootstraps(),
            self.plan.predicted_seconds(THREADS),
            self.plan.evaluation_memory_bytes() / 1_000_000,
            100.0 * self.simulated.accuracy,
            self.simulated.time.as_secs_f64(),
        );
    }
}

/// Prints the table, and returns the candidates that will run encrypted.
pub(crate) fn compare(trial: &Trial) -> Result<(Candidate<Exact>, Candidate<Approximate>), Error> {
    println!(
        "6 bits everywhere; accuracies in the clear and simulated, in percent; a server's predicted time on \
         {THREADS} threads and its keys in memory"
    );
    println!(
        "{:40}{:>7}{:>12}{:>13}{:>12}{:>11}{:>10}",
        "accumulators, tables, rounding",
        "clear",
        "bootstraps",
        "an image",
        "keys",
        "simulated",
        "in",
    );
    let exact = Candidate::new(trial)?;
    exact.print("calibrated, tables of 6, exact");
    let approximate = Candidate::new(trial)?;
    approximate.print("calibrated, tables of 6, approximate");
    print::<ExactChecked7>("checked, tables of 7, exact", trial)?;
    print::<ApproximateChecked7>("checked, tables of 7, approximate", trial)?;
    print::<ExactChecked8>("checked, tables of 8, exact", trial)?;
    print::<ApproximateChecked8>("checked, tables of 8, approximate", trial)?;
    Ok((exact, approximate))
}

/// Prints a line of the table, or the reason why the network does not have a plan.
fn print<N: Network>(name: &str, trial: &Trial) -> Result<(), Error> {
    match Candidate::<N>::new(trial) {
        Ok(candidate) => candidate.print(name),
        Err(Error::Plan(error)) => println!("{name:40}{error}"),
        Err(error) => return Err(error),
    }
    Ok(())
}
