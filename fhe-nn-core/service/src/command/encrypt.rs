use std::path::{Path, PathBuf};

use fhe_nn_core::{ClientKey, Protection, StoredKey};

use super::describe::load_description;
use crate::bytes;
use crate::clamped::Clamped;
use crate::failure::{Failure, Of};
use crate::messages;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::passphrase::Source;
use crate::rows::Rows;

/// Encrypt rows of inputs: one request for each, one after the other in one file.
///
/// Keep the file: decryption wants the requests beside the replies.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    output: Output,
}

/// The client's key.
#[derive(Debug, clap::Args)]
pub(super) struct Key {
    /// The secret key that `fhe-nn keygen` wrote.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Check that the key belongs to the network of this description.
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Source,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        self.output.check()?;
        let rows = self.rows.read()?;
        let (client, _) = self.key.load()?;
        let requests = rows.rows().into_iter().map(|row| {
            let request = client.encrypt(&row.to_vec())?;
            // a new request has its count
            Ok((request.to_bytes(), request.clamped().unwrap_or(0)))
        });
        let requests: Vec<(Vec<u8>, usize)> = requests.collect::<Result<_, Failure>>()?;
        let (requests, clamped): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        let clamped = Clamped::of(&clamped);
        let outcome = messages::write(&self.output, "requests", &requests)?;
        Ok(clamped.told(outcome))
    }
}

impl Key {
    /// Loads the key, and the names of the classes if there is a description that has some.
    ///
    /// # Errors
    /// Those of the files, of the passphrase, and of a key of another network.
    pub(super) fn load(&self) -> Result<(ClientKey, Vec<String>), Failure> {
        let client = load(&self.key, &self.passphrase)?;
        let Some(description) = &self.description else {
            return Ok((client, Vec::new()));
        };
        let description = load_description(description)?;
        client.check(description.plan()).of(&self.key)?;
        Ok((client, description.classes().to_vec()))
    }
}

/// Loads a secret key.
///
/// # Errors
/// Those of the file and of the passphrase.
pub(super) fn load(path: &Path, passphrase: &Source) -> Result<ClientKey, Failure> {
    let bytes = bytes::read_secret(path, ClientKey::MAX_FILE_BYTES)?;
    let stored = StoredKey::from_bytes(&bytes).of(path)?;
    if passphrase.unprotected() {
        return stored.open_unprotected().of(path);
    }
    // nobody is asked for a passphrase that the key does not have
    expect_passphrase(&stored, path)?;
    stored.open(&passphrase.known()?).of(path)
}

/// # Errors
/// [`Failure::Call`] if the key is not protected.
fn expect_passphrase(stored: &StoredKey, path: &Path) -> Result<(), Failure> {
    match stored.protection() {
        Protection::Passphrase => Ok(()),
        Protection::None => Err(Failure::Call(format!(
            "{}: the client key of `{}` is not protected by a passphrase\n  = help: `--unprotected` takes it as it is",
            path.display(),
            stored.plan().client.network
        ))),
    }
}
