//! A table from scikit-learn: an MLP of its wine data is imported, gets its bit-widths, and runs encrypted.
//!
//! The MLP has 64 and 32 neurons behind a StandardScaler (`data/tune/make.py`). The features of a wine differ by a
//! thousand times, and the client's encoder has a scale for each of them.
//!
//! ```text
//! cargo run --release --features import --example wine
//! ```

use std::error::Error;
use std::process::ExitCode;

use fhe_nn_examples::cli;
use fhe_nn_examples::tuning::{Options, Task, run_encrypted};

/// The seconds that are predicted for two threads are at most these.
const SECONDS: f64 = 0.9;

#[derive(clap::Parser)]
#[command(about = "Find the bit-widths of a table's network, and classify a row encrypted")]
struct Args {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    cli::run(wine)
}

fn wine(args: Args) -> Result<(), Box<dyn Error>> {
    let task = Task::load("wine", "wine")?;
    let (tuned, figures) = task.tune(args.options, false, SECONDS)?;
    run_encrypted(&tuned.model, &tuned.plan, &task.test().0.row(0).to_vec())?;
    if args.options.json {
        println!("{figures}");
    }
    Ok(())
}
