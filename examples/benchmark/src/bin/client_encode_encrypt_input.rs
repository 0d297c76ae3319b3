//! Encodes and encrypts the images: one request for each, one after the other in one file.

use std::process::ExitCode;

use fhe_nn_benchmark::{Layout, numbers, run, write};
use fhe_nn_core::ClientKey;

fn main() -> ExitCode {
    run(|files: &Layout| {
        let client = ClientKey::load_unprotected(files.secret_key())?;
        let inputs = client.plan().client.inputs;
        let mut requests = Vec::new();
        for image in numbers(&files.pixels(), files.images(), inputs)? {
            requests.extend(client.encrypt(&image)?.to_bytes());
        }
        write(&files.requests(), &requests)
    })
}
