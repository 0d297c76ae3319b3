//! Client keys at rest, under a passphrase.
//!
//! The secret of the file is an age file (<https://c2sp.org/age>): scrypt turns the passphrase into a key, and
//! ChaCha20-Poly1305 encrypts and authenticates. age is a published format with independent implementations,
//! which a container of our own would not be.

use std::io::{Read, Write};
use std::iter;
use std::path::Path;

use age::scrypt::{Identity, Recipient};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::key::ClientKey;
use super::random;
use super::stored::{self, Protection, StoredKey};
use crate::wire::Kind;
use crate::{Error, file};

/// Logarithm to base 2 of the cost of scrypt: a second and 256 MB on a machine of today, age's own choice.
const WORK_FACTOR: u8 = 18;
/// The greatest cost that is read: four times as much. A file that asks for more could stop a program for hours.
const MAX_WORK_FACTOR: u8 = 20;

/// A passphrase. It is neither printable nor serializable, and it is wiped on drop.
pub struct Passphrase(SecretString);

impl Passphrase {
    /// Takes over a text. Nothing is taken away from it: a line that was read from a file must be cut before.
    pub fn new(text: String) -> Self {
        Passphrase(SecretString::from(text))
    }
}

impl ClientKey {
    /// Returns the key as a file, encrypted under a passphrase. This takes about a second on purpose, since
    /// whoever has the file and guesses passphrases needs as long for each.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn to_bytes(&self, passphrase: &Passphrase) -> Result<Vec<u8>, Error> {
        // age draws a salt and a nonce, and panics if it gets none
        random::fill(&mut [0; 16])?;
        let mut bytes = stored::head(self, Protection::Passphrase);
        let secret = stored::secret(self, &bytes);
        let mut recipient = Recipient::new(passphrase.0.clone());
        recipient.set_work_factor(WORK_FACTOR);
        let encryptor = Encryptor::with_recipients(iter::once(&recipient as _));
        let encryptor = encryptor.expect("one passphrase is one recipient");
        let written = encryptor.wrap_output(&mut bytes).and_then(|mut to| {
            to.write_all(&secret)?;
            to.finish()
        });
        written.expect("memory takes every byte that is written to it");
        Ok(bytes)
    }

    /// Reads a key that [`ClientKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Passphrase`] if the passphrase is another one, [`Error::Protection`] if the key has none, and
    /// [`Error::Malformed`], [`Error::NewerVersion`] and [`Error::Plan`] if the bytes are not a client key.
    pub fn from_bytes(bytes: &[u8], passphrase: &Passphrase) -> Result<Self, Error> {
        StoredKey::from_bytes(bytes)?.open(passphrase)
    }

    /// Saves the key as a new file, encrypted under a passphrase. On Unix, only the file's owner may read it.
    ///
    /// # Errors
    /// [`Error::Write`], also if there is such a file already, and [`Error::Randomness`].
    pub fn save(&self, path: impl AsRef<Path>, passphrase: &Passphrase) -> Result<(), Error> {
        file::write_secret(path.as_ref(), &self.to_bytes(passphrase)?)
    }

    /// Loads a file that [`ClientKey::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`ClientKey::from_bytes`].
    pub fn load(path: impl AsRef<Path>, passphrase: &Passphrase) -> Result<Self, Error> {
        Self::from_bytes(
            &file::read_at_most(path.as_ref(), Self::MAX_FILE_BYTES)?,
            passphrase,
        )
    }
}

impl StoredKey {
    /// Opens the key by its passphrase.
    ///
    /// # Errors
    /// [`Error::Passphrase`] if the passphrase is another one, [`Error::Protection`] if the key has none, and
    /// [`Error::Malformed`] if the secret was changed.
    pub fn open(&self, passphrase: &Passphrase) -> Result<ClientKey, Error> {
        self.require(Protection::Passphrase)?;
        let mut identity = Identity::new(passphrase.0.clone());
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        let unlocked = |reason: DecryptError| match reason {
            DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed
            | DecryptError::NoMatchingKeys => Error::Passphrase {
                network: self.plan().client.network.to_string(),
            },
            other => Kind::ClientKey.malformed(other.to_string()),
        };
        let decryptor = Decryptor::new_buffered(self.secret()).map_err(unlocked)?;
        let mut reader = decryptor
            .decrypt(iter::once(&identity as _))
            .map_err(unlocked)?;
        // one byte more than there should be, so that a longer secret is seen
        let mut secret = Zeroizing::new(vec![0; self.secret_bytes() + 1]);
        let mut length = 0;
        while length < secret.len() {
            match reader.read(&mut secret[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(reason) => return Err(Kind::ClientKey.malformed(reason.to_string())),
            }
        }
        self.unlock(&secret[..length])
    }
}
