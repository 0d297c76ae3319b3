//! The public keys of a server.

use fhe_nn_core::ServerIdentity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hash, KeyNumber};

/// The public keys that a server signs and signed receipts with, the present one first. Older ones stay, so that
/// older receipts can be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedKeys {
    /// The keys. There is at least one where a server published them.
    pub keys: Vec<PublishedKey>,
}

/// An Ed25519 public key of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedKey {
    /// Its number, which follows from it.
    pub number: KeyNumber,
    /// The key, as 64 hexadecimal digits.
    #[serde(with = "hex::serde")]
    #[schema(value_type = Hash)]
    pub public: ServerIdentity,
}

impl PublishedKeys {
    /// The most bytes of published keys that are read: 64 kB.
    pub const MAX_BYTES: u64 = 64 << 10;

    /// The keys of a server of which one is known, as from a description.
    pub fn single(public: ServerIdentity) -> Self {
        PublishedKeys {
            keys: vec![PublishedKey::new(public)],
        }
    }

    /// Returns the key with this number. The number that was published beside it counts for nothing.
    pub fn find(&self, number: KeyNumber) -> Option<&ServerIdentity> {
        let mut keys = self.keys.iter().map(|key| &key.public);
        keys.find(|public| KeyNumber::of(public) == number)
    }
}

impl PublishedKey {
    /// Numbers a key.
    pub fn new(public: ServerIdentity) -> Self {
        PublishedKey {
            number: KeyNumber::of(&public),
            public,
        }
    }
}
