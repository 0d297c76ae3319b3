//! Turns scores into labels.

use std::process::ExitCode;

use fhe_nn_benchmark::{Layout, network, numbers, run, write};

fn main() -> ExitCode {
    run(|files: &Layout| {
        let (_, plan) = network()?;
        let classes = plan.client.decoder.len();
        let mut labels = String::new();
        for scores in numbers::<f64>(&files.scores(), files.images(), classes)? {
            // the first of equals
            let better = |best: usize, own: usize| {
                if scores[own] > scores[best] {
                    own
                } else {
                    best
                }
            };
            let label = (0..classes).fold(0, better);
            labels.push_str(&format!("{label}\n"));
        }
        write(&files.predictions(), labels.as_bytes())
    })
}
