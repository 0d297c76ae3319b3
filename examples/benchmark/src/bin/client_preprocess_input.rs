//! Checks the images. There is nothing else to do: encrypting encodes them.

use std::process::ExitCode;

use fhe_nn_benchmark::{Layout, network, numbers, run};

fn main() -> ExitCode {
    run(|files: &Layout| {
        let (_, plan) = network()?;
        numbers::<f32>(&files.pixels(), files.images(), plan.client.inputs).map(drop)
    })
}
