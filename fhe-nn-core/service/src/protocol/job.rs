//! Names of inferences.

use std::fmt;
use std::str::FromStr;

use fhe_nn_core::Plan;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hash, HashError, Hasher, Tenant};

/// The name of an inference: a SHA-256 of the tenant, the model and its plan, the evaluation key and the requests.
///
/// Nothing is drawn at random in an inference, so equal names have equal replies: a repetition is a look-up, and work
/// that is done twice is done once for whoever asks. The tenant is a part of it, so that no name tells what another
/// tenant has. A name is no secret and no permission: a server checks whose an inference is.
///
/// The hash covers, in this order: the ASCII letters `fhe-nn job 1`, the number of bytes of the tenant's name as one
/// byte, that name, and 32 bytes each of the fingerprints of model and plan, the hash of the evaluation key and the
/// hash of the requests as they travel.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct JobName(Hash);

impl JobName {
    /// Names the inference of these requests, under this key, for this tenant.
    pub fn new(tenant: &Tenant, plan: &Plan, key: &Hash, requests: &Hash) -> Self {
        let tenant = tenant.as_str().as_bytes();
        let length = u8::try_from(tenant.len()).expect("a name has at most 64 bytes");
        let mut hash = Hasher::new();
        hash.update(b"fhe-nn job 1");
        hash.update(&[length]);
        hash.update(tenant);
        hash.update(&plan.model);
        hash.update(&plan.fingerprint());
        hash.update(key.as_bytes());
        hash.update(requests.as_bytes());
        JobName(hash.finish())
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl From<[u8; 32]> for JobName {
    fn from(bytes: [u8; 32]) -> Self {
        JobName(bytes.into())
    }
}

impl FromStr for JobName {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        text.parse().map(JobName)
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
