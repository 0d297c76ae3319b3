//! The version of the format in which plans are stored.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::ClientSpec;

/// The format of a plan: it is written as the number in the field `version`, and a plan in a newer format is refused
/// when it is read.
///
/// A plan has the oldest format that can say what it says. So a model of before has the plan that it had, with the
/// same fingerprint, and keys for it stay valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Clients encode with one scale and one zero point, and round ties away from zero.
    V1,
    /// The encoder says how ties are rounded.
    V2,
}

/// A stored plan has a version that this program cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("plan has format version {found}, but this program reads versions up to {}", Version::V2.number())]
#[non_exhaustive]
pub struct UnknownVersion {
    /// The version of the plan.
    pub found: u32,
}

impl Version {
    /// The oldest format that can say what a client must know.
    pub(crate) fn of(client: &ClientSpec) -> Self {
        if client.encoder.is_of_before() {
            Version::V1
        } else {
            Version::V2
        }
    }

    const fn number(self) -> u32 {
        match self {
            Version::V1 => 1,
            Version::V2 => 2,
        }
    }
}

impl TryFrom<u32> for Version {
    type Error = UnknownVersion;

    fn try_from(found: u32) -> Result<Self, UnknownVersion> {
        let mut known = [Version::V1, Version::V2].into_iter();
        let known = known.find(|version| version.number() == found);
        known.ok_or(UnknownVersion { found })
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.number())
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u32::deserialize(deserializer)?;
        Version::try_from(found).map_err(D::Error::custom)
    }
}
