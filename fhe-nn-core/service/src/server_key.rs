//! The public key of a server, as a person gives it.

use std::path::PathBuf;
use std::str::FromStr;

use fhe_nn_core::{Description, Label};
use fhe_nn_service::protocol::{Hash, PublishedKeys};

use crate::bytes;
use crate::failure::{Failure, Of};

/// The public key of a server, or a file that has one or several.
#[derive(Debug, Clone)]
pub(crate) enum ServerKey {
    Digits([u8; 32]),
    File(PathBuf),
}

impl FromStr for ServerKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // a key has as many digits as a hash
        Ok(match text.parse::<Hash>() {
            Ok(digits) => ServerKey::Digits(*digits.as_bytes()),
            Err(_) => ServerKey::File(PathBuf::from(text)),
        })
    }
}

impl ServerKey {
    /// Returns the keys.
    ///
    /// # Errors
    /// Those of the file, and [`Failure::Call`] for a file that has no such key.
    pub(crate) fn keys(&self) -> Result<PublishedKeys, Failure> {
        let path = match self {
            ServerKey::Digits(public) => return Ok(PublishedKeys::single(*public)),
            ServerKey::File(path) => path,
        };
        let bytes = bytes::read(path, Description::MAX_BYTES)?;
        let none = |reason: String| Failure::Call(format!("`{}` {reason}", path.display()));
        if Label::begins(&bytes) {
            let description = Description::from_bytes(&bytes).of(path)?;
            let identity = description.server_identity().copied();
            return identity.map(PublishedKeys::single).ok_or_else(|| {
                let reason = "has no public key of a server: it was written by `fhe-nn describe`, not by a server";
                none(reason.to_owned())
            });
        }
        let keys: PublishedKeys = serde_json::from_slice(&bytes).map_err(|_| {
            none("is neither a description nor the answer to `GET /v1/receipt-keys`".to_owned())
        })?;
        if keys.keys.is_empty() {
            return Err(none(
                "has 0 public keys, but at least 1 is needed".to_owned(),
            ));
        }
        Ok(keys)
    }
}
