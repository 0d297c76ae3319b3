//! Client keys as files: what every one of them says in the clear, and the secret behind it.
//!
//! `guide::formats` has every byte.

use std::path::Path;

use fhe_nn_proof::plan::Plan;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::key::ClientKey;
use super::secrets::Secrets;
use crate::wire::{HEADER, Header, Kind};
use crate::{Error, file};

/// Number of bytes of the checksum at the end of a secret.
const CHECKSUM: usize = 32;

/// How the secret of a stored key is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Protection {
    /// Whoever has the file has the key.
    None = 0,
    /// The secret is encrypted under a passphrase.
    Passphrase = 1,
}

/// What a stored key says in the clear, so that a person can tell files apart without a passphrase. It is neither
/// printable nor serializable, because the secret of a key without a passphrase is in it; that is wiped on drop.
pub struct StoredKey {
    plan: Plan,
    header: Header,
    protection: Protection,
    /// Everything before the secret, which the secret's checksum covers as well.
    head: Vec<u8>,
    secret: Zeroizing<Vec<u8>>,
}

impl ClientKey {
    /// The largest file of a client key that is read, in bytes: 64 MB.
    pub const MAX_FILE_BYTES: u64 = 64_000_000;

    /// Returns the key as a file that is **not protected**: whoever reads it can decrypt everything that was
    /// encrypted under the key. The bytes are wiped on drop.
    pub fn to_unprotected_bytes(&self) -> Zeroizing<Vec<u8>> {
        let head = head(self, Protection::None);
        let secret = secret(self, &head);
        let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + secret.len()));
        bytes.extend(head);
        bytes.extend_from_slice(&secret);
        bytes
    }

    /// Reads a key that is not protected.
    ///
    /// # Errors
    /// [`Error::Protection`] if it is, and those of [`StoredKey::from_bytes`].
    pub fn from_unprotected_bytes(bytes: &[u8]) -> Result<Self, Error> {
        StoredKey::from_bytes(bytes)?.open_unprotected()
    }

    /// Saves the key as a new file that is **not protected**. On Unix, only the file's owner may read it.
    ///
    /// # Errors
    /// [`Error::Write`], also if there is such a file already.
    pub fn save_unprotected(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write_secret(path.as_ref(), &self.to_unprotected_bytes())
    }

    /// Loads a file that [`ClientKey::save_unprotected`] wrote.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`ClientKey::from_unprotected_bytes`].
    pub fn load_unprotected(path: impl AsRef<Path>) -> Result<Self, Error> {
        let bytes = Zeroizing::new(file::read_at_most(path.as_ref(), Self::MAX_FILE_BYTES)?);
        Self::from_unprotected_bytes(&bytes)
    }
}

impl StoredKey {
    /// Reads what a stored key says in the clear. Its secret is not looked at.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::NewerVersion`] if the bytes are not a client key that this program
    /// can read, and [`Error::Plan`] if its plan is not one that this crate would make.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let kind = Kind::ClientKey;
        kind.read_prefix(bytes)?;
        let short = || kind.malformed(format!("it ends after {} bytes", bytes.len()));
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(short)?;
        let (&[protection], rest) = rest.split_first_chunk::<1>().ok_or_else(short)?;
        let (&length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| short())?;
        let (plan, secret) = rest.split_at_checked(length).ok_or_else(short)?;
        let plan: Plan =
            serde_json::from_slice(plan).map_err(|reason| kind.malformed(reason.to_string()))?;
        plan.validate()?;
        if plan.client.network.contains(char::is_control) {
            return Err(kind.malformed("the name of its network has control characters"));
        }
        let protection = match protection {
            0 => Protection::None,
            1 => Protection::Passphrase,
            other => return Err(kind.malformed(format!("protection {other} is not known"))),
        };
        Ok(StoredKey {
            header: kind.open(header, &plan)?,
            plan,
            protection,
            head: bytes[..bytes.len() - secret.len()].to_vec(),
            secret: Zeroizing::new(secret.to_vec()),
        })
    }

    /// Returns the plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns how the secret is protected.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Opens a key that is not protected.
    ///
    /// # Errors
    /// [`Error::Protection`] if it is, and [`Error::Malformed`] if the secret was changed.
    pub fn open_unprotected(&self) -> Result<ClientKey, Error> {
        self.require(Protection::None)?;
        self.unlock(&self.secret)
    }

    /// # Errors
    /// [`Error::Protection`] if the secret is protected in another way.
    pub(super) fn require(&self, protection: Protection) -> Result<(), Error> {
        if self.protection == protection {
            return Ok(());
        }
        Err(Error::Protection {
            network: self.plan.client.network.to_string(),
            found: self.protection,
        })
    }

    /// Returns the secret as it is stored.
    #[cfg(feature = "passphrase")]
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Returns the number of bytes of the secret in the clear.
    pub(super) fn secret_bytes(&self) -> usize {
        Secrets::packed_bytes(&self.plan) + CHECKSUM
    }

    /// Makes the key from its secret in the clear.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the secret is not that of this file.
    pub(super) fn unlock(&self, secret: &[u8]) -> Result<ClientKey, Error> {
        let (length, expected) = (secret.len(), self.secret_bytes());
        if length != expected {
            let reason = format!("its secret has {length} bytes, the plan says {expected}");
            return Err(Kind::ClientKey.malformed(reason));
        }
        let (packed, sum) = secret.split_at(length - CHECKSUM);
        if checksum(&self.head, packed)[..] != *sum {
            let reason = "its SHA-256 is not that of its content: bytes were changed";
            return Err(Kind::ClientKey.malformed(reason));
        }
        let secrets = Secrets::unpack(&self.plan, packed);
        Ok(ClientKey::of(self.plan.clone(), self.header, secrets))
    }
}

/// Returns everything before the secret.
pub(super) fn head(key: &ClientKey, protection: Protection) -> Vec<u8> {
    let plan = serde_json::to_vec(key.plan()).expect("a plan is numbers and strings");
    let length = u32::try_from(plan.len()).expect("a plan has a few kilobytes");
    let mut head = Kind::ClientKey.bytes(key.header());
    head.push(protection as u8);
    head.extend(length.to_le_bytes());
    head.extend(plan);
    head
}

/// Returns the secret in the clear: the bits of all keys, and a checksum.
pub(super) fn secret(key: &ClientKey, head: &[u8]) -> Zeroizing<Vec<u8>> {
    let bytes = Secrets::packed_bytes(key.plan()) + CHECKSUM;
    // allocated at its full size: a vector that grows would leave copies behind
    let mut secret = Zeroizing::new(Vec::with_capacity(bytes));
    key.secrets().pack(&mut secret);
    let checksum = checksum(head, &secret);
    secret.extend(checksum);
    secret
}

fn checksum(head: &[u8], packed: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(packed);
    hash.finalize().into()
}
