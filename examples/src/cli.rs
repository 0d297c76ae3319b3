//! Options, exit codes and measurements of the examples.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Runs an example. If it fails, it prints one line to standard error. The exit code is 2 for options
/// and files that cannot be used.
pub fn run<A: Parser>(example: impl FnOnce(A) -> Result<(), Box<dyn Error>>) -> ExitCode {
    let options = match A::try_parse() {
        Ok(options) => options,
        Err(error) if error.use_stderr() => {
            let message = error.render().to_string();
            return fail(message.lines().next().unwrap_or_default());
        }
        Err(help) => {
            println!("{}", help.render());
            return ExitCode::SUCCESS;
        }
    };
    match example(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("error: {error}")),
    }
}

fn fail(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(2)
}

/// The folder of the data that comes with the examples.
pub fn data() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data"))
}

/// The most memory that the process has used, in bytes, if the system reports it (Linux).
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
