//! Passphrases: from a file, from the environment, or from the person at the terminal.

use std::path::PathBuf;

use clap::Args;
use fhe_nn_core::Passphrase;
use zeroize::Zeroizing;

use crate::bytes;
use crate::failure::Failure;

/// The environment variable that a passphrase is read from.
pub(crate) const VARIABLE: &str = "FHE_NN_PASSPHRASE";

/// The largest file of a passphrase that is read, in bytes.
const MAX_BYTES: u64 = 1 << 16;

/// Where the passphrase of a client key comes from.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Read the passphrase from the first line of a file; otherwise it comes from the environment variable
    /// FHE_NN_PASSPHRASE, or you are asked for it.
    #[arg(long, value_name = "FILE", conflicts_with = "unprotected")]
    passphrase_file: Option<PathBuf>,
    /// The key is stored without a passphrase: whoever has the file can decrypt.
    #[arg(long)]
    unprotected: bool,
}

impl Source {
    /// Whether a key is stored without a passphrase.
    pub(crate) fn unprotected(&self) -> bool {
        self.unprotected
    }

    /// Returns the passphrase for a new key. A person is asked twice.
    ///
    /// # Errors
    /// [`Failure::Passphrase`] and [`Failure::Read`].
    pub(crate) fn new_one(&self) -> Result<Passphrase, Failure> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        let first = ask("new passphrase: ")?;
        let second = ask("once more: ")?;
        if first != second {
            let reason = "the two that were typed differ".to_owned();
            return Err(Failure::Passphrase(reason));
        }
        checked(&first)
    }

    /// Returns the passphrase of a key that is stored.
    ///
    /// # Errors
    /// [`Failure::Passphrase`] and [`Failure::Read`].
    pub(crate) fn known(&self) -> Result<Passphrase, Failure> {
        match self.given()? {
            Some(given) => Ok(given),
            None => checked(&ask("passphrase: ")?),
        }
    }

    fn given(&self) -> Result<Option<Passphrase>, Failure> {
        if let Some(path) = &self.passphrase_file {
            let content = bytes::read_secret(path, MAX_BYTES)?;
            let text = str::from_utf8(&content).map_err(|_| {
                Failure::Passphrase(format!("`{}` is not UTF-8 text", path.display()))
            })?;
            return checked(text.lines().next().unwrap_or_default()).map(Some);
        }
        match std::env::var(VARIABLE) {
            Ok(text) => checked(&Zeroizing::new(text)).map(Some),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Passphrase(format!(
                "`{VARIABLE}` is not UTF-8 text"
            ))),
        }
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|source| Failure::Passphrase(format!("the terminal gives none ({source})")))
}

fn checked(text: &str) -> Result<Passphrase, Failure> {
    if text.is_empty() {
        return Err(Failure::Passphrase("it is empty".to_owned()));
    }
    Ok(Passphrase::new(text.to_owned()))
}
