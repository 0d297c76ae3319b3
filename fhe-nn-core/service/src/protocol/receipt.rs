//! Receipts: what a server signs about an inference.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use fhe_nn_core::ServerIdentity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hash, PublishedKeys};

/// The version that is written, which is the newest that is read.
const VERSION: u16 = 1;
/// What the signed bytes begin with.
const TAG: &[u8; 14] = b"fhe-nn receipt";
/// Number of bytes that are signed.
const SIGNED: usize = TAG.len() + 2 + 8 + 8 + 5 * 32;
/// The most characters of a receipt that are read.
const MAX_CHARACTERS: usize = 4096;

/// What a server signs: with this model and plan, under this evaluation key, these requests have these replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Fingerprint of the model.
    pub model: Hash,
    /// Fingerprint of the plan.
    pub plan: Hash,
    /// SHA-256 of the evaluation key as it travels.
    pub evaluation_key: Hash,
    /// SHA-256 of the requests as they travel, one after the other.
    pub requests: Hash,
    /// SHA-256 of the replies as they travel, one after the other.
    pub replies: Hash,
}

/// The number of a signing key: the first 8 bytes of the SHA-256 of its public key. As text it has 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
pub struct KeyNumber(#[serde(with = "hex::serde")] [u8; 8]);

/// A receipt: [`Claims`], a time, and an Ed25519 signature over both (RFC 8032). With it, a client can show to anybody
/// which replies a server gave. It does not prove that they were computed from the model; it makes a wrong one
/// provable, because whoever has model, key and requests can compute the right ones, bit for bit.
///
/// As text, in a header and in a file, it is one line of JSON:
///
/// ```json
/// {"version":1,"key":"..","time":"2026-11-30T12:00:00Z","model":"..","plan":"..","evaluation_key":"..",
///  "requests":"..","replies":"..","signature":".."}
/// ```
///
/// What is signed are 192 bytes, whatever the JSON looks like:
///
/// | bytes | what |
/// |---|---|
/// | 0 to 13 | the ASCII letters `fhe-nn receipt` |
/// | 14, 15 | the version, `u16`, little-endian |
/// | 16 to 23 | the key's number |
/// | 24 to 31 | the time in whole seconds since 1970, `u64`, little-endian |
/// | 32 to 191 | 32 bytes each of `model`, `plan`, `evaluation_key`, `requests` and `replies` |
///
/// ```
/// use fhe_nn_service::protocol::{Claims, Hash, Receipt, SigningKeys};
/// use std::time::SystemTime;
///
/// let keys = SigningKeys::generate()?;
/// let claims = Claims {
///     model: Hash::of(b"model"),
///     plan: Hash::of(b"plan"),
///     evaluation_key: Hash::of(b"key"),
///     requests: Hash::of(b"requests"),
///     replies: Hash::of(b"replies"),
/// };
/// let header = keys.sign(claims, SystemTime::now()).to_string();
///
/// let receipt: Receipt = header.parse()?;
/// receipt.verify(&keys.published())?;
/// assert_eq!(receipt.claims(), claims);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    key: KeyNumber,
    /// Seconds since 1970.
    time: u64,
    claims: Claims,
    signature: [u8; 64],
}

/// What is wrong with a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The text is not a receipt.
    #[error("the receipt is malformed: {0}")]
    Malformed(String),
    /// The receipt is of a later version.
    #[error(
        "the receipt has version {version}, but this program reads versions up to {VERSION}\n  = help: update this program"
    )]
    NewerVersion {
        /// Its version.
        version: u16,
    },
    /// The receipt is signed with a key that is not among the ones at hand.
    #[error(
        "the receipt is signed with the key {0}, which is not one of the server's keys at hand"
    )]
    UnknownKey(KeyNumber),
    /// The signature is not one of the key over this receipt.
    #[error("the signature is not one of the key {0}: the receipt was altered or forged")]
    Signature(KeyNumber),
    /// The receipt is about something else.
    #[error("the receipt is about {what} {claimed}, but at hand is {actual}")]
    Other {
        /// What differs.
        what: &'static str,
        /// The hash in the receipt.
        claimed: Hash,
        /// The hash of what is at hand.
        actual: Hash,
    },
}

impl KeyNumber {
    /// Returns the number of a public key.
    pub fn of(public: &ServerIdentity) -> Self {
        let (number, _) = Hash::of(public)
            .as_bytes()
            .split_first_chunk()
            .map(|(number, rest)| (*number, rest.len()))
            .expect("a hash has 32 bytes");
        KeyNumber(number)
    }
}

impl Receipt {
    /// Signs claims at a time. Fractions of a second are dropped.
    pub(super) fn sign(key: &SigningKey, claims: Claims, at: SystemTime) -> Self {
        let seconds = at.duration_since(UNIX_EPOCH);
        let mut receipt = Receipt {
            key: KeyNumber::of(key.verifying_key().as_bytes()),
            // before 1970 no clock is right
            time: seconds.unwrap_or_default().as_secs(),
            claims,
            signature: [0; 64],
        };
        receipt.signature = key.sign(&receipt.signed()).to_bytes();
        receipt
    }

    /// Checks the signature by the keys of a server.
    ///
    /// # Errors
    /// [`ReceiptError::UnknownKey`] and [`ReceiptError::Signature`].
    pub fn verify(&self, keys: &PublishedKeys) -> Result<(), ReceiptError> {
        let public = keys
            .find(self.key)
            .ok_or(ReceiptError::UnknownKey(self.key))?;
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(public)
            .and_then(|public| public.verify_strict(&self.signed(), &signature))
            .map_err(|_| ReceiptError::Signature(self.key))
    }

    /// Checks that the receipt is about these things.
    ///
    /// # Errors
    /// [`ReceiptError::Other`] with the first that differs.
    pub fn compare(&self, actual: &Claims) -> Result<(), ReceiptError> {
        let pairs = self.claims.named().into_iter().zip(actual.named());
        for ((what, claimed), (_, actual)) in pairs {
            if claimed != actual {
                return Err(ReceiptError::Other {
                    what,
                    claimed,
                    actual,
                });
            }
        }
        Ok(())
    }

    /// Returns what is signed, but the time.
    pub fn claims(&self) -> Claims {
        self.claims
    }

    /// Returns the number of the key that it is signed with.
    pub fn key(&self) -> KeyNumber {
        self.key
    }

    /// Returns when it was signed, to the second.
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.time)
    }

    /// Returns the bytes that are signed.
    fn signed(&self) -> [u8; SIGNED] {
        let hashes = self.claims.named().map(|(_, hash)| *hash.as_bytes());
        let version = VERSION.to_le_bytes();
        let time = self.time.to_le_bytes();
        let parts = [
            &TAG[..],
            &version,
            &self.key.0,
            &time,
            hashes.as_flattened(),
        ];
        let mut bytes = [0; SIGNED];
        bytes.copy_from_slice(&parts.concat());
        bytes
    }
}

impl Claims {
    /// Returns what the hashes are of, in the order in which they are signed.
    fn named(&self) -> [(&'static str, Hash); 5] {
        [
            ("model", self.model),
            ("plan", self.plan),
            ("evaluation key", self.evaluation_key),
            ("requests", self.requests),
            ("replies", self.replies),
        ]
    }
}

/// A receipt as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u16,
    key: KeyNumber,
    time: String,
    model: Hash,
    plan: Hash,
    evaluation_key: Hash,
    requests: Hash,
    replies: Hash,
    #[serde(with = "hex::serde")]
    signature: [u8; 64],
}

/// What is read before anything else.
#[derive(Deserialize)]
struct Version {
    version: u16,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Text {
            version: VERSION,
            key: self.key,
            time: humantime::format_rfc3339_seconds(self.time()).to_string(),
            model: self.claims.model,
            plan: self.claims.plan,
            evaluation_key: self.claims.evaluation_key,
            requests: self.claims.requests,
            replies: self.claims.replies,
            signature: self.signature,
        };
        f.write_str(&serde_json::to_string(&text).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let malformed = |reason: String| ReceiptError::Malformed(reason);
        if text.len() > MAX_CHARACTERS {
            let length = text.len();
            let reason = format!("it has {length} characters, at most {MAX_CHARACTERS} are read");
            return Err(malformed(reason));
        }
        let read = |source: serde_json::Error| malformed(source.to_string());
        let Version { version } = serde_json::from_str(text).map_err(read)?;
        if version > VERSION {
            return Err(ReceiptError::NewerVersion { version });
        }
        if version != VERSION {
            return Err(malformed(format!("there is no version {version}")));
        }
        let text: Text = serde_json::from_str(text).map_err(read)?;
        let since = humantime::parse_rfc3339(&text.time)
            .map_err(|source| malformed(source.to_string()))?
            .duration_since(UNIX_EPOCH);
        Ok(Receipt {
            key: text.key,
            time: since
                .map_err(|_| malformed("its time is before 1970".to_owned()))?
                .as_secs(),
            claims: Claims {
                model: text.model,
                plan: text.plan,
                evaluation_key: text.evaluation_key,
                requests: text.requests,
                replies: text.replies,
            },
            signature: text.signature,
        })
    }
}

impl fmt::Display for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
