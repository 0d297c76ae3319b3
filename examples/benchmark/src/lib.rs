//! What the programs of the benchmark share: where files are, and the network.
//!
//! The harness of the suite calls each program in the folder of the suite, with the size of the instance as its
//! only argument. `README.md` says how to submit them.

mod failure;
mod layout;
mod numbers;

use std::process::ExitCode;

use fhe_nn_core::{Model, Plan, PlanOptions};

pub use failure::Failure;
pub use layout::{Layout, Size, make_way, open, write};
pub use numbers::numbers;

/// The network: `Digits` of the examples.
const MODEL: &[u8] = include_bytes!("../../data/digits.quantized.safetensors");

/// Loads the network, and finds the parameters of its encrypted run.
///
/// # Errors
/// Those of the library.
pub fn network() -> Result<(Model, Plan), Failure> {
    let model = Model::from_bytes(MODEL)?;
    let plan = model.plan(&PlanOptions::new())?;
    Ok((model, plan))
}

/// Runs a program on the instance that its argument says.
pub fn run(program: impl FnOnce(&Layout) -> Result<(), Failure>) -> ExitCode {
    let size = std::env::args().nth(1).unwrap_or_default();
    done(Size::parse(&size).and_then(|size| program(&Layout::new(size))))
}

/// Returns the exit code of a program, and prints why it failed.
pub fn done(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
