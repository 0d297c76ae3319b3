//! The version of the format in which plans are stored.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// Marks a plan's format: it is written as the field `version`, and a plan in any other version is
/// refused when it is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version;

/// A stored plan has a version that this program cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("plan has format version {found}, but this program reads version {VERSION}")]
#[non_exhaustive]
pub struct UnknownVersion {
    /// The version of the plan.
    pub found: u32,
}

impl TryFrom<u32> for Version {
    type Error = UnknownVersion;

    fn try_from(found: u32) -> Result<Self, UnknownVersion> {
        match found {
            VERSION => Ok(Version),
            _ => Err(UnknownVersion { found }),
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u32::deserialize(deserializer)?;
        Version::try_from(found).map_err(D::Error::custom)
    }
}
