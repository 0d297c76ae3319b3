//! A server in a separate process. It reads a key, a plan and a request, runs, and prints the most
//! memory that it has used.

use std::error::Error as StdError;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::networks::Digits;

/// The variable that names the folder of the server's files, if this process is a server.
const FOLDER: &str = "FHE_NN_BENCH_SERVER";

pub(crate) fn asked_for() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Answers one request, and prints the peak memory in bytes.
pub(crate) fn run(folder: &Path) -> Result<(), Box<dyn StdError>> {
    let digits = Digits::load(cli::data().join("digits.quantized.safetensors"))?;
    let plan: Plan = serde_json::from_slice(&std::fs::read(folder.join("plan"))?)?;
    let key = ServerKey::read(File::open(folder.join("key"))?, &plan)?;
    let request = Request::from_bytes(&std::fs::read(folder.join("request"))?, &plan)?;
    let reply = digits.run_encrypted(&key, &request)?;
    std::fs::write(folder.join("reply"), reply.to_bytes())?;
    let peak = cli::peak_memory_bytes().ok_or("this system does not tell the peak memory")?;
    println!("{peak}");
    Ok(())
}

/// Measures the peak memory of a server that answers one request.
pub(crate) fn peak_memory(
    plan: &Plan,
    key: &EvaluationKey,
    request: &Request,
) -> Result<u64, Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    std::fs::write(folder.join("plan"), serde_json::to_vec(plan)?)?;
    key.write(File::create(folder.join("key"))?)?;
    std::fs::write(folder.join("request"), request.to_bytes())?;
    let server = Command::new(std::env::current_exe()?)
        .env(FOLDER, folder)
        .output()?;
    if !server.status.success() {
        return Err(String::from_utf8_lossy(&server.stderr).into_owned().into());
    }
    Ok(String::from_utf8(server.stdout)?.trim().parse()?)
}
