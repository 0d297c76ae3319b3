use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fhe_nn_core::run::Watch;
use fhe_nn_core::{ClientKey, Error, EvaluationKey, Plan};
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
        let files = KeyFiles {
            secret: self.output.path(),
            evaluation: &evaluation_path,
            force: self.output.force(),
        };
        files.check()?;
        if self.output.is_pipe() && bytes::is_pipe(&evaluation_path) {
            let reason = "only one of the two keys can go to standard output";
            return Err(Failure::Call(reason.to_owned()));
        }
        let description = load_description(&self.description)?;
        let (_, bytes) = files.generate(description.plan(), &self.passphrase)?;

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

/// Where the two keys of a client go.
pub(super) struct KeyFiles<'a> {
    pub(super) secret: &'a Path,
    pub(super) evaluation: &'a Path,
    /// Whether files that are there may be overwritten.
    pub(super) force: bool,
}

impl KeyFiles<'_> {
    /// Checks that both can be written, and are not one file.
    ///
    /// # Errors
    /// [`Failure::Exists`], [`Failure::Write`] and [`Failure::Call`].
    pub(super) fn check(&self) -> Result<(), Failure> {
        output::check(self.secret, self.force)?;
        output::check(self.evaluation, self.force)?;
        if output::same(self.secret, self.evaluation) {
            let path = self.evaluation.display();
            let reason = format!(
                "`{path}` cannot be both keys\n  = help: `--evaluation-key` must say another file than the secret key's"
            );
            return Err(Failure::Call(reason));
        }
        Ok(())
    }

    /// Makes both keys and writes them, and returns the secret one and the number of bytes of the other.
    ///
    /// # Errors
    /// Those of the passphrase, of the plan, and [`Failure::Exists`] and [`Failure::Write`].
    pub(super) fn generate(
        &self,
        plan: &Plan,
        passphrase: &Source,
    ) -> Result<(ClientKey, u64), Failure> {
        let passphrase = if passphrase.unprotected() {
            None
        } else {
            Some(passphrase.new_one()?)
        };
        let client = ClientKey::generate(plan)?;
        let evaluation = evaluation_key(&client)?;
        let secret = match passphrase {
            Some(passphrase) => Zeroizing::new(client.to_bytes(&passphrase)?),
            None => client.to_unprotected_bytes(),
        };
        // both are written before one of them replaces an old one
        let secret = Draft::new(self.secret, Secrecy::Secret, |to| to.write_all(&secret))?;
        let public = self.draft(&evaluation)?;
        let bytes = public.bytes();
        secret.put(self.force)?;
        public.put(self.force)?;
        Ok((client, bytes))
    }

    /// Writes an evaluation key, which is not in its place yet.
    ///
    /// # Errors
    /// [`Failure::Write`].
    pub(super) fn draft(&self, key: &EvaluationKey) -> Result<Draft, Failure> {
        Draft::new(self.evaluation, Secrecy::Public, |to| stream(key, to))
    }
}

/// Makes an evaluation key, and shows how far it is.
///
/// # Errors
/// Those of [`ClientKey::evaluation_key`].
pub(super) fn evaluation_key(client: &ClientKey) -> Result<EvaluationKey, Failure> {
    let bar = Bar::new("evaluation key");
    let show = |progress| bar.show(progress);
    Ok(client.evaluation_key_watched(Watch::new().with_progress(&show))?)
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
