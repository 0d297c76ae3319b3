//! The keys that a server signs receipts with, and their file.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ed25519_dalek::SigningKey;
use fhe_nn_core::ServerIdentity;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::{Claims, PublishedKey, PublishedKeys, Receipt};

/// The version that is written, which is the newest that is read.
const VERSION: u16 = 1;

/// The key that a server signs receipts with, and the public keys of those that it signed with before. It is neither
/// printable nor serializable, and it is wiped on drop.
///
/// A file of it has JSON: `version` (1), `secret` (64 hexadecimal digits), and `retired`, a list of public keys, the
/// youngest first. On Unix nobody but its owner may read it (mode 0600), or it is refused.
#[derive(Clone)]
pub struct SigningKeys {
    present: SigningKey,
    retired: Vec<ServerIdentity>,
}

/// Why there are no signing keys.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The operating system has no randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Randomness(String),
    /// The file cannot be read or written.
    #[error("the signing key `{}` cannot be read or written: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system reports.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error(
        "the signing key `{path}` has mode {mode:04o}, but nobody other than its owner may read it\n  = help: chmod 600 {path}",
        path = path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file does not have signing keys.
    #[error("the signing key `{}` is malformed: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong. The content is not repeated.
        reason: String,
    },
}

impl SigningKeys {
    /// The most bytes of a file that are read.
    const MAX_BYTES: u64 = PublishedKeys::MAX_BYTES;

    /// Draws a new key.
    ///
    /// # Errors
    /// [`SigningError::Randomness`].
    pub fn generate() -> Result<Self, SigningError> {
        Ok(SigningKeys {
            present: draw()?,
            retired: Vec::new(),
        })
    }

    /// Reads the keys of a file. If there is none, it makes one: of two programs that do so at once, both have the
    /// same key in the end.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn load_or_create(path: &Path) -> Result<Self, SigningError> {
        match Self::load(path) {
            Err(SigningError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let draft = Self::generate()?.draft(path)?;
        match draft.persist_noclobber(path) {
            Err(unput) if unput.error.kind() != io::ErrorKind::AlreadyExists => {
                Err(failed(path, unput.error))
            }
            Ok(_) | Err(_) => {
                flush_folder(path)?;
                Self::load(path)
            }
        }
    }

    /// Reads the keys of a file.
    ///
    /// # Errors
    /// [`SigningError::File`], [`SigningError::Readable`] and [`SigningError::Malformed`].
    pub fn load(path: &Path) -> Result<Self, SigningError> {
        let file = fs::File::open(path).map_err(|source| failed(path, source))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let found = file.metadata().map_err(|source| failed(path, source))?;
            let mode = found.permissions().mode() & 0o7777;
            if mode & 0o077 != 0 {
                let path = path.to_owned();
                return Err(SigningError::Readable { path, mode });
            }
        }
        // allocated at its full size: a vector that grows would leave copies behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::MAX_BYTES as usize + 1));
        file.take(Self::MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| failed(path, source))?;
        let malformed = |reason: String| SigningError::Malformed {
            path: path.to_owned(),
            reason,
        };
        if bytes.len() as u64 > Self::MAX_BYTES {
            return Err(malformed(format!(
                "it has more than {} bytes",
                Self::MAX_BYTES
            )));
        }
        // messages of serde repeat what they read
        let place = |source: serde_json::Error| {
            let (line, column) = (source.line(), source.column());
            malformed(format!(
                "it is not a signing key at line {line}, column {column}"
            ))
        };
        let Version { version } = serde_json::from_slice(&bytes).map_err(place)?;
        if version != VERSION {
            let reason = format!("it has version {version}, but this program reads {VERSION}");
            return Err(malformed(reason));
        }
        let stored: Stored = serde_json::from_slice(&bytes).map_err(place)?;
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(stored.secret.as_str(), secret.as_mut_slice())
            .map_err(|_| malformed("its secret does not have 64 hexadecimal digits".to_owned()))?;
        Ok(SigningKeys {
            present: SigningKey::from_bytes(&secret),
            retired: stored.retired.iter().map(|key| key.public).collect(),
        })
    }

    /// Makes a new key the present one. The public key of the one before stays published, and its secret is forgotten,
    /// so that nobody who steals the file signs with it.
    ///
    /// # Errors
    /// [`SigningError::Randomness`].
    pub fn rotate(&mut self) -> Result<(), SigningError> {
        let before = std::mem::replace(&mut self.present, draw()?);
        self.retired.insert(0, before.verifying_key().to_bytes());
        Ok(())
    }

    /// Saves the keys as a file, in one step: another program sees the keys of before or these.
    ///
    /// # Errors
    /// [`SigningError::File`].
    pub fn save(&self, path: &Path) -> Result<(), SigningError> {
        let put = self.draft(path)?.persist(path);
        put.map_err(|unput| failed(path, unput.error))?;
        flush_folder(path)
    }

    /// Signs claims with the present key.
    pub fn sign(&self, claims: Claims, at: SystemTime) -> Receipt {
        Receipt::sign(&self.present, claims, at)
    }

    /// Returns the present public key, which belongs in the descriptions that the server gives.
    pub fn identity(&self) -> ServerIdentity {
        self.present.verifying_key().to_bytes()
    }

    /// Returns all public keys, the present one first.
    pub fn published(&self) -> PublishedKeys {
        let all = [self.identity()]
            .into_iter()
            .chain(self.retired.iter().copied());
        PublishedKeys {
            keys: all.map(PublishedKey::new).collect(),
        }
    }

    /// Writes a file beside the one that it will be. Temporary files are for their owner alone.
    fn draft(&self, path: &Path) -> Result<NamedTempFile, SigningError> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        let stored = Stored {
            version: VERSION,
            secret: Zeroizing::new(hex::encode(self.present.as_bytes())),
            retired: self
                .retired
                .iter()
                .copied()
                .map(PublishedKey::new)
                .collect(),
        };
        let text = serde_json::to_vec(&stored).expect("keys are numbers and strings");
        let text = Zeroizing::new(text);
        let write = || {
            let mut file = NamedTempFile::new_in(folder)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(|source| failed(path, source))
    }
}

/// A file of signing keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u16,
    secret: Zeroizing<String>,
    retired: Vec<PublishedKey>,
}

/// What is read before anything else.
#[derive(Deserialize)]
struct Version {
    version: u16,
}

/// # Errors
/// [`SigningError::Randomness`].
fn draw() -> Result<SigningKey, SigningError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice())
        .map_err(|source| SigningError::Randomness(source.to_string()))?;
    Ok(SigningKey::from_bytes(&secret))
}

/// Makes the entry of a file in its folder safe against a crash.
///
/// # Errors
/// [`SigningError::File`].
fn flush_folder(path: &Path) -> Result<(), SigningError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let flushed = fs::File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> SigningError {
    let path = path.to_owned();
    SigningError::File { path, source }
}

#[cfg(test)]
mod tests;
