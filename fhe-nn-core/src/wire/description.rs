//! Descriptions of networks, which a server gives to its clients.

use std::path::Path;

use fhe_nn_proof::client::ClientSpec;
use fhe_nn_proof::plan::{Fingerprint, Plan};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Kind, PREFIX};
use crate::{Error, file};

/// All that a client is given of a network, and no weights: the plan with the encoder of the inputs and the
/// meaning of the scores, the names of the classes, and the key that the server signs with.
///
/// A client makes its keys from the plan in it, and needs nothing else to encrypt and decrypt.
///
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let plan = majority.plan(&PlanOptions::default())?;
///
/// let bytes = Description::new(plan)?.to_bytes(); // a file for clients
/// let description = Description::from_bytes(&bytes)?; // at a client
/// assert_eq!(description.name(), "Majority");
/// let client = ClientKey::generate(description.plan())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    plan: Plan,
    classes: Vec<String>,
    server_identity: Option<ServerIdentity>,
}

/// The Ed25519 public key that a server signs its receipts with.
pub type ServerIdentity = [u8; 32];

impl Description {
    /// The largest description that is read, in bytes: 64 MB.
    pub const MAX_BYTES: u64 = 64_000_000;

    /// Describes the network that a plan was made for.
    ///
    /// # Errors
    /// [`Error::Plan`] if the plan's parameters are not ones that this crate would choose from.
    pub fn new(plan: Plan) -> Result<Self, Error> {
        plan.validate()?;
        Ok(Description {
            plan,
            classes: Vec::new(),
            server_identity: None,
        })
    }

    /// Names the classes that the outputs stand for, in their order.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is not exactly one name for each output.
    pub fn with_classes(mut self, classes: Vec<String>) -> Result<Self, Error> {
        let (names, outputs) = (classes.len(), self.client_spec().output_len());
        if names != outputs {
            return Err(Kind::Description.malformed(format!(
                "{names} names of classes, but the network has {outputs} outputs"
            )));
        }
        self.classes = classes;
        Ok(self)
    }

    /// Adds the public key that the server signs with.
    pub fn with_server_identity(mut self, key: ServerIdentity) -> Self {
        self.server_identity = Some(key);
        self
    }

    /// Returns the name of the network.
    pub fn name(&self) -> &str {
        &self.client_spec().network
    }

    /// Returns the parameters of encrypted runs, on which client and server agree.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns how inputs are encoded and what scores mean.
    pub fn client_spec(&self) -> &ClientSpec {
        &self.plan.client
    }

    /// Returns the name of each score's class, or nothing if the classes have no names.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the public key that the server signs with, if a server wrote the description.
    pub fn server_identity(&self) -> Option<&ServerIdentity> {
        self.server_identity.as_ref()
    }

    /// Returns the description as a file. Equal descriptions give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = Content {
            name: self.name().to_owned(),
            fingerprint: Hex(self.plan.fingerprint()),
            classes: self.classes.clone(),
            server_identity: self.server_identity.map(Hex),
            encoders: None,
            order: None,
            plan: self.plan.clone(),
        };
        let mut bytes = Kind::Description.prefix().to_vec();
        serde_json::to_writer(&mut bytes, &content).expect("a description is numbers and strings");
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash);
        bytes
    }

    /// Reads a description.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::NewerVersion`] if the bytes are not a description that this program
    /// can read, and [`Error::Plan`] if its plan is not one that this crate would make.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let kind = Kind::Description;
        kind.read_prefix(bytes)?;
        let Some((content, hash)) = bytes[PREFIX..].split_last_chunk::<32>() else {
            return Err(kind.malformed(format!("it has {} bytes only", bytes.len())));
        };
        if Sha256::digest(&bytes[..bytes.len() - hash.len()])[..] != hash[..] {
            return Err(kind.malformed("its SHA-256 is not that of its content"));
        }
        let content: Content =
            serde_json::from_slice(content).map_err(|reason| kind.malformed(reason.to_string()))?;
        let description = Description {
            server_identity: content.server_identity.map(|key| key.0),
            ..Description::new(content.plan)?
        };
        if content.fingerprint.0 != description.plan.fingerprint() {
            return Err(kind.malformed("its fingerprint is not that of its plan"));
        }
        if content.name != description.name() {
            let (name, network) = (content.name, description.name());
            let reason = format!("it is named `{name}`, but its plan is of `{network}`");
            return Err(kind.malformed(reason));
        }
        let names = content.classes.iter().map(String::as_str);
        if names
            .chain([description.name()])
            .any(|name| name.contains(char::is_control))
        {
            return Err(kind.malformed("a name has control characters"));
        }
        if content.classes.is_empty() {
            return Ok(description);
        }
        description.with_classes(content.classes)
    }

    /// Saves the description as a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes())
    }

    /// Loads a file that [`Description::save`] wrote. Everything in it is checked, so the file may come from
    /// anywhere.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`Description::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_bytes(&file::read_at_most(path.as_ref(), Self::MAX_BYTES)?)
    }
}

/// The JSON of a description.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    name: String,
    fingerprint: Hex,
    classes: Vec<String>,
    server_identity: Option<Hex>,
    /// Room that nothing needs, as the plan has the encoders. It is `null`.
    encoders: Option<Reserved>,
    /// Room that nothing needs, as the plan has the order of inputs and what becomes of the scores. It is `null`.
    order: Option<Reserved>,
    plan: Plan,
}

/// A value of a later version.
#[derive(Serialize, Deserialize)]
enum Reserved {}

/// Thirty-two bytes, written as hexadecimal digits.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Hex(#[serde(with = "hex::serde")] Fingerprint);
