use clap::CommandFactory;
use clap_complete::{Shell, generate};
use serde_json::json;

use crate::Cli;
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Print completions of the command line for a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "fhe-nn", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        let json = json!({ "script": script });
        Ok(Outcome::new(script, json))
    }
}
