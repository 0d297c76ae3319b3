//! From a float network to one that takes a second: activations and pools are replaced by cheaper ones, and the weights are
//! trained on.
//!
//! The network is that of the example `handwriting`, a convolution with ReLU and MaxPool from PyTorch, which bit-widths
//! alone do not make fast. Every field that is replaced begins with weights that compute nearly what they did before.
//!
//! ```text
//! cargo run --release --features import,train --example cheaper
//! ```

use std::error::Error;
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Parser;
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{
    Candidate, Device, Examples, Optimizer, Search, Trainable, Trainer, WeightScales,
};
use fhe_nn_core::{Model, run};
use fhe_nn_examples::tuning::{LOSS, Task, run_encrypted};
use fhe_nn_examples::{cli, networks};
use indicatif::ProgressBar;
use ndarray::Axis;
use serde_json::json;

/// The seconds that are predicted for two threads are at most these.
const SECONDS: f64 = 1.0;
/// The part of them that the search keeps to: training with all rows changes the time a little.
const BUDGET: f64 = 0.9;
/// Every fifth row compares the networks, and takes no part in training them until one is chosen. The floats have learned it,
/// so all networks are surer of it than of the test rows.
const HELD_OUT: usize = 5;

#[derive(Parser)]
#[command(about = "Make a float network cheaper, one field at a time")]
struct Args {
    /// Rounds over the rows for each network that is tried
    #[arg(long, value_name = "N", default_value_t = 60)]
    epochs: usize,
    /// Number of test rows to run encrypted
    #[arg(long, value_name = "N", default_value_t = 1)]
    rows: usize,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print the figures as a JSON object on the last line
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    cli::run(cheaper)
}

fn cheaper(args: Args) -> Result<(), Box<dyn Error>> {
    let task = Task::load("handwriting", "digits")?;
    let (rows, labels) = task.seen();
    let part = |is_held_out: bool| {
        let own = |row: &usize| row.is_multiple_of(HELD_OUT) == is_held_out;
        let own: Vec<usize> = (0..rows.nrows()).filter(own).collect();
        let labels: Vec<u32> = own.iter().map(|&row| labels[row]).collect();
        (rows.select(Axis(0), &own), labels)
    };
    let ((training, training_labels), (held_out, held_out_labels)) = (part(false), part(true));
    let training = Examples::new(training.view(), &training_labels)?;
    let held_out = Examples::new(held_out.view(), &held_out_labels)?;
    let trainer = Trainer::new()
        .with_epochs(args.epochs)
        .with_batch(50)
        .with_rate(3e-3)
        .with_optimizer(Optimizer::AdamW { decay: 0.06 })
        .with_seed(args.seed)
        .with_progress(false);
    // small integers have small noise, which gives the same accuracy faster
    let prepare = |module: Trainable| module.with_weight_scales(WeightScales::Greatest);
    let search = Search::new()
        .with_trainer(trainer.clone())
        .with_budget(BUDGET)
        .with_threads(2)
        .with_prepare(&prepare);

    let imported = &task.imported;
    let proposed = imported.quantize(rows, &Calibration::default())?.network;
    let proposed = proposed.plan(&PlanOptions::default())?.predicted_seconds(2);
    println!("as proposed: {proposed:.3} s");
    let bar = ProgressBar::new_spinner();
    let front = search.cheaper(
        &imported.spec,
        &imported.floats,
        &training,
        &held_out,
        |found| {
            bar.suspend(|| println!("{}", line(found)));
            bar.inc(1);
            ControlFlow::Continue(())
        },
    )?;
    bar.finish_and_clear();
    let pareto = front.pareto();
    let chosen = pareto.last().ok_or("no network is fast enough")?;

    // what was held out to choose is not held out any more
    let all = Examples::new(rows, labels)?;
    let mut module = prepare(Trainable::new(
        &chosen.spec,
        Vec::new(),
        &Device::Cpu,
        args.seed,
    )?);
    module.load(&chosen.floats, trainer.samples(&all).view())?;
    trainer.fit(&mut module, &all, None)?;
    let samples = trainer.samples(&all);
    let model = Model::quantize(&chosen.spec, &module.floats()?, samples.view())?.network;
    let plan = model.plan(&PlanOptions::default())?;

    let (test, test_labels) = task.test();
    let accuracy = run::accuracy(&model.run_batch(test)?, test_labels)?;
    let float = networks::float_accuracy(&imported.float_scores(test)?, test_labels);
    let seconds = plan.predicted_seconds(2);
    println!(
        "\n{}\n{plan}\n{:.2}% of {} rows that nothing before has seen are right, {:.2}% in floats",
        chosen.spec.declaration(&[]),
        100.0 * accuracy,
        test.nrows(),
        100.0 * float
    );
    assert!(
        accuracy >= float - LOSS,
        "{accuracy} of the rows are right, and {float} in floats"
    );
    assert!(seconds <= SECONDS, "{seconds} s are predicted");
    for row in test.rows().into_iter().take(args.rows) {
        run_encrypted(&model, &plan, &row.to_vec())?;
    }
    if args.json {
        println!(
            "{}",
            json!({
                "seconds": seconds,
                "proposed_seconds": proposed,
                "exact": plan.is_exact(),
                "bootstraps": plan.bootstraps(),
                "float_accuracy": float,
                "accuracy": accuracy,
                "test_rows": test.nrows(),
                "tried": front.candidates.len() + front.slow.len(),
            })
        );
    }
    Ok(())
}

fn line(found: &Candidate) -> String {
    let layers = found.spec.layers.iter().map(|layer| layer.op.to_string());
    format!(
        "{:.3} s, {:.2}% of the rows that are held out: inputs of {} bits; {}",
        found.seconds,
        100.0 * found.accuracy,
        found.spec.input.bits,
        layers.collect::<Vec<String>>().join("; ")
    )
}
