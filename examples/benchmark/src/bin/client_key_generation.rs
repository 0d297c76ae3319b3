//! Makes the client's keys.

use std::process::ExitCode;

use fhe_nn_benchmark::{Layout, make_way, network, run, write};
use fhe_nn_core::ClientKey;

fn main() -> ExitCode {
    run(|files: &Layout| {
        let (_, plan) = network()?;
        let client = ClientKey::generate(&plan)?;
        // only the file's owner may read it
        make_way(&files.secret_key())?;
        client.save_unprotected(files.secret_key())?;
        let evaluation_key = client.evaluation_key()?;
        write(&files.evaluation_key(), &evaluation_key.to_bytes())
    })
}
