//! A network for the signals of a watch: a convolution over time in the form of ONNX is imported and gets its bit-widths.
//!
//! The example `sensors` has a network for the same windows that was trained at few bits and takes a seventh of the time.
//!
//! ```text
//! cargo run --release --features import --example watch
//! ```

use std::error::Error;
use std::process::ExitCode;

use fhe_nn_examples::cli;
use fhe_nn_examples::tuning::{Options, Task};
use fhe_nn_examples::watch::Windows;

/// The seconds that are predicted for two threads are at most these.
const SECONDS: f64 = 8.0;
/// Windows overlap by half, and tuning reads every third one.
const EVERY: usize = 3;

#[derive(clap::Parser)]
#[command(about = "Find the bit-widths of a convolution over time")]
struct Args {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    cli::run(watch)
}

fn watch(args: Args) -> Result<(), Box<dyn Error>> {
    let (seen, test) = Windows::load()?;
    let rows = |windows: Windows, every: usize| {
        let chosen = windows.inputs.slice(ndarray::s![..; every, ..]).to_owned();
        let labels = windows.labels.into_iter().step_by(every).map(u32::from);
        (chosen, labels.collect::<Vec<u32>>())
    };
    let task = Task::new("watch", rows(seen, EVERY), rows(test, 1))?;
    let (_, figures) = task.tune(args.options, false, SECONDS)?;
    if args.options.json {
        println!("{figures}");
    }
    Ok(())
}
