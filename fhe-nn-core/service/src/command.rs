//! The subcommands, one file each.

mod completions;
mod decrypt;
mod describe;
mod encrypt;
mod evaluate;
mod import;
mod infer;
mod inspect;
mod keygen;
mod man;
mod nats;
mod plan;
mod quantize;
mod run;
mod selftest;
mod serve;
mod token;
mod tune;
mod verify;
mod worker;

use clap::Subcommand;

use crate::failure::Failure;
use crate::outcome::Outcome;

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Import(import::Args),
    Tune(tune::Args),
    Quantize(quantize::Args),
    Inspect(inspect::Args),
    Plan(plan::Args),
    Run(run::Args),
    Describe(describe::Args),
    Keygen(keygen::Args),
    Encrypt(encrypt::Args),
    Evaluate(evaluate::Args),
    Decrypt(decrypt::Args),
    Infer(infer::Args),
    Verify(verify::Args),
    Selftest(selftest::Args),
    Serve(Box<serve::Args>),
    Worker(worker::Args),
    Token(token::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// # Errors
    /// [`Failure`] if the call cannot be carried out.
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        match self {
            Command::Import(args) => args.run(),
            Command::Tune(args) => args.run(),
            Command::Quantize(args) => args.run(),
            Command::Inspect(args) => args.run(),
            Command::Plan(args) => args.run(),
            Command::Run(args) => args.run(),
            Command::Describe(args) => args.run(),
            Command::Keygen(args) => args.run(),
            Command::Encrypt(args) => args.run(),
            Command::Evaluate(args) => args.run(),
            Command::Decrypt(args) => args.run(),
            Command::Infer(args) => args.run(),
            Command::Verify(args) => args.run(),
            Command::Selftest(args) => args.run(),
            Command::Serve(args) => args.run(),
            Command::Worker(args) => args.run(),
            Command::Token(args) => args.run(),
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
        }
    }
}
