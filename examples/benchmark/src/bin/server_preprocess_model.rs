//! Checks that the model and its plan are usable. There is nothing to prepare: the model is in the clear.

use std::process::ExitCode;

use fhe_nn_benchmark::{done, network};

fn main() -> ExitCode {
    done(network().map(drop))
}
