use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use serde_json::json;

use crate::Cli;
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Write the man pages of the program and of its subcommands into a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let failed = |path: PathBuf| move |source: io::Error| Failure::Write { path, source };
        std::fs::create_dir_all(&self.folder).map_err(failed(self.folder.clone()))?;
        let mut program = Cli::command();
        program.build();
        clap_mangen::generate_to(program, &self.folder).map_err(failed(self.folder.clone()))?;
        let text = format!("written: {}", self.folder.display());
        Ok(Outcome::new(
            text,
            json!({ "written": self.folder.display().to_string() }),
        ))
    }
}
