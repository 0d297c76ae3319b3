use std::io::{self, Write};
use std::path::PathBuf;

use fhe_nn_core::run::Watch;
use fhe_nn_core::{ClientKey, Error, EvaluationKey};
use serde_json::json;
use zeroize::Zeroizing;

use super::describe::load_description;
use crate::bytes;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::{self, Draft, Output, Secrecy};
use crate::passphrase::Source;
use crate::progress::Bar;

/// Make a client's keys: the secret one, which stays with the client, and the evaluation key for the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The description of the network.
    #[arg(value_name = "DESCRIPTION")]
    description: PathBuf,
    #[command(flatten)]
    output: Output,
    /// Where the evaluation key goes, which the server gets [default: the output's name with `.eval`].
    #[arg(long, value_name = "FILE")]
    evaluation_key: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Source,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let evaluation_path = match self.evaluation_key {
            Some(path) => path,
            None if self.output.is_pipe() => {
                let reason = "with `-o -`, `--evaluation-key FILE` must say where that key goes";
                return Err(Failure::Call(reason.to_owned()));
            }
            None => self.output.path().with_added_extension("eval"),
        };
        let force = self.output.force();
        self.output.check()?;
        output::check(&evaluation_path, force)?;
        if output::same(self.output.path(), &evaluation_path) {
            let path = evaluation_path.display();
            let reason = format!(
                "`{path}` cannot be both keys\n  = help: `--evaluation-key` must say another file than `-o`"
            );
            return Err(Failure::Call(reason));
        }
        if self.output.is_pipe() && bytes::is_pipe(&evaluation_path) {
            let reason = "only one of the two keys can go to standard output";
            return Err(Failure::Call(reason.to_owned()));
        }
        let description = load_description(&self.description)?;
        let passphrase = if self.passphrase.unprotected() {
            None
        } else {
            Some(self.passphrase.new_one()?)
        };

        let client = ClientKey::generate(description.plan())?;
        let bar = Bar::new("evaluation key");
        let show = |progress| bar.show(progress);
        let evaluation = client.evaluation_key_watched(Watch::new().with_progress(&show))?;
        drop(bar);
        let secret = match passphrase {
            Some(passphrase) => Zeroizing::new(client.to_bytes(&passphrase)?),
            None => client.to_unprotected_bytes(),
        };
        // both are written before one of them replaces an old one
        let secret = Draft::new(self.output.path(), Secrecy::Secret, |to| {
            to.write_all(&secret)
        })?;
        let public = Draft::new(&evaluation_path, Secrecy::Public, |to| {
            stream(&evaluation, to)
        })?;
        let bytes = public.bytes();
        secret.put(force)?;
        public.put(force)?;

        let piped = self.output.is_pipe() || bytes::is_pipe(&evaluation_path);
        let (secret, public) = (self.output.path().display(), evaluation_path.display());
        let text = format!(
            "secret key of the client: {secret}\nevaluation key for the server: {public}, {bytes} bytes"
        );
        let json = json!({
            "client_key": secret.to_string(),
            "evaluation_key": public.to_string(),
            "evaluation_key_bytes": bytes,
            "network": description.name(),
        });
        Ok(Outcome::new(text, json).with_piped(piped))
    }
}

/// Writes the evaluation key piece by piece, since a copy of it would need its memory twice.
///
/// # Errors
/// Those of the system.
fn stream(key: &EvaluationKey, to: &mut dyn Write) -> io::Result<()> {
    key.write(to).map_err(|unwritten| match unwritten {
        Error::Stream { source, .. } => source,
        other => io::Error::other(other),
    })
}
