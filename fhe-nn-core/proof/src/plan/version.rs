//! The version of the format in which plans are stored.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::ClientSpec;
use crate::plan::{Bootstrap, PlanOptions, Stage};

/// A version of the format in which plans are stored. It is written as the field `version`, and a plan in a version
/// that is not here is refused when it is read.
///
/// A plan is written in the oldest version that has everything that it says. So the plan of a model of before has
/// the fingerprint of before, and the keys of before serve it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The client encodes with one scale and one zero point, and rounds ties away from zero. Its rows are in the order of
    /// the network, and its outputs are the scores.
    #[default]
    First,
    /// The encoder says how ties are rounded, and the client may have an order of inputs and make outputs of the scores.
    Second,
    /// A step of a rotation may take two bits of the small key, and bodies may be cut into digits of their own:
    /// bootstraps may have the fields `key_bits` and `body`.
    Third,
    /// A modulus switch may prefer even elements, and a server's memory may have a limit: bootstraps may have the field
    /// `companion`, and options the field `memory_limit`.
    Fourth,
}

/// A stored plan has a version that this program cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("plan has format version {found}, but this program reads versions up to {}", Version::NEWEST.number())]
#[non_exhaustive]
pub struct UnknownVersion {
    /// The version of the plan.
    pub found: u32,
}

impl Version {
    /// The newest version.
    pub const NEWEST: Version = Version::Fourth;

    /// The version that is written for a client, the stages of a plan, and the options that it was found for.
    pub(crate) fn of(client: &ClientSpec, stages: &[Stage], options: &PlanOptions) -> Self {
        let any = |is_new: fn(&Bootstrap) -> bool| {
            stages.iter().any(|stage| {
                let rounds = stage.rounds.iter().map(|round| &round.bootstrap);
                rounds.chain([&stage.bootstrap]).any(is_new)
            })
        };
        if options.memory_limit().is_some() || any(|bootstrap| bootstrap.companion != 0) {
            Version::Fourth
        } else if any(|bootstrap| bootstrap.key_bits != 1 || bootstrap.body.is_some()) {
            Version::Third
        } else if client.encoder.is_of_before() && client.interface.is_own() {
            Version::First
        } else {
            Version::Second
        }
    }

    /// The number that stands for the version.
    pub fn number(self) -> u32 {
        match self {
            Version::First => 1,
            Version::Second => 2,
            Version::Third => 3,
            Version::Fourth => 4,
        }
    }
}

impl TryFrom<u32> for Version {
    type Error = UnknownVersion;

    fn try_from(found: u32) -> Result<Self, UnknownVersion> {
        match found {
            1 => Ok(Version::First),
            2 => Ok(Version::Second),
            3 => Ok(Version::Third),
            4 => Ok(Version::Fourth),
            _ => Err(UnknownVersion { found }),
        }
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
