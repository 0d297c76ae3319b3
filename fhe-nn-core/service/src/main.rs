//! The program `fhe-nn`: everything that a person does with encrypted inference without writing Rust.
//!
//! Each subcommand is a file of `command`. It returns an [`outcome::Outcome`], which this file prints, as text or as
//! JSON. The exit code is 0, 1 for a wrong result, and 2 for a call that cannot be carried out.

mod bytes;
mod clamped;
mod command;
mod connection;
mod failure;
mod messages;
mod outcome;
mod output;
mod passphrase;
mod plan_options;
mod progress;
mod rows;
mod scores;
mod seconds;
mod server_key;

use std::process::ExitCode;

use clap::Parser;

use self::command::Command;

/// Runs neural networks on encrypted inputs.
#[derive(Parser)]
#[command(name = "fhe-nn", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as one JSON object.
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => cli
            .command
            .run()
            .and_then(|outcome| outcome.print(cli.json)),
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            // what is wrong ends at the first blank line, behind which clap repeats the usage
            let wrong: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
            let wrong = wrong.join("\n");
            outcome::tell(&format!(
                "{wrong}\n  = help: `fhe-nn help` lists the subcommands and their options"
            ));
            return ExitCode::from(2);
        }
        Err(help) => {
            outcome::print(help.render().to_string().trim_end()).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|failure| {
        outcome::tell(&format!("error: {failure}"));
        ExitCode::from(2)
    })
}
