//! Runs the network on the encrypted images.

use std::process::ExitCode;

use fhe_nn_benchmark::{Layout, network, open, run, write};
use fhe_nn_core::{Execution, Request, ServerKey};

fn main() -> ExitCode {
    run(|files: &Layout| {
        let (model, plan) = network()?;
        let key = ServerKey::read(open(&files.evaluation_key())?, &plan)?;
        let mut from = open(&files.requests())?;
        let mut requests = Vec::new();
        while let Some(request) = Request::read(&mut from, &plan)? {
            requests.push(request);
        }
        let replies = model.run_encrypted_batch(&key, &requests, &Execution::new())?;
        let bytes: Vec<u8> = replies.iter().flat_map(|reply| reply.to_bytes()).collect();
        write(&files.replies(), &bytes)
    })
}
