//! An imported model as one file: the float weights, with the declaration beside them as data.
//!
//! The file is a safetensors file, which `Floats::load` reads as well. Its metadata has one more entry,
//! [`ENTRY`], with a [`Stored`] as JSON.

use std::collections::HashMap;
use std::path::Path;

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{ActivationSpec, Function, Spec};
use safetensors::SafeTensors;
use safetensors::tensor::Metadata;
use serde::{Deserialize, Serialize};

use super::function::postfix;
use super::net::{StoredTail, Tail};
use super::{CustomFunction, Imported};
use crate::{Error, Floats, file};

/// The name of the entry in the file's metadata.
const ENTRY: &str = "fhe-nn import";
/// The version that is written, and the newest that is read. Version 2 has the model's own quantizers (`clamp` and
/// `step`) among the floats, the order of inputs and the outputs in the declaration, and the functions of outputs that are
/// left to the client.
const VERSION: u32 = 2;

/// The declaration as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    spec: Spec,
    functions: Vec<StoredFunction>,
    /// The order of inputs in version 1; later it is in the declaration.
    #[serde(default, skip_serializing)]
    order: Option<Vec<usize>>,
    notes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<StoredTail>,
}

/// A function that no activation of the language computes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFunction {
    name: String,
    /// Operands before their operation; see `postfix`.
    postfix: String,
}

impl Imported {
    /// Returns the model as one file: float weights, and the declaration as data.
    pub fn to_bytes(&self) -> Vec<u8> {
        let functions = self.functions.iter().map(|own| StoredFunction {
            name: own.name.clone(),
            postfix: postfix::write(&own.expr),
        });
        let stored = Stored {
            version: VERSION,
            spec: self.spec.clone(),
            functions: functions.collect(),
            order: None,
            notes: self.notes.clone(),
            tail: self.tail.stored(),
        };
        let json = serde_json::to_string(&stored).expect("a declaration is numbers and strings");
        let metadata = HashMap::from([(ENTRY.to_owned(), json)]);
        self.floats.to_bytes_with(Some(metadata))
    }

    /// Returns whether bytes are a file that says of itself that it is an imported model. It may still be
    /// broken, or of a newer version.
    pub fn recognizes(bytes: &[u8]) -> bool {
        let header = SafeTensors::read_metadata(bytes);
        header.is_ok_and(|(_, header)| entry(&header).is_some())
    }

    /// Reads a file that [`Imported::save`] wrote. Everything in it is checked, so it may come from
    /// anywhere.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::NewerVersion`] if the bytes are not such a file, those of
    /// [`Floats::from_bytes`], and [`Error::Model`] if the declaration breaks a law.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let what = "imported model";
        let malformed = |reason: String| Error::Malformed { what, reason };
        let floats = Floats::from_bytes(bytes)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(ModelError::not_safetensors)?;
        let Some(json) = entry(&header) else {
            return Err(malformed(format!(
                "it has float weights, but no declaration (an entry `{ENTRY}` of its metadata)"
            )));
        };
        version_of(json)?;
        let mut stored: Stored =
            serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
        if let Some(order) = stored.order {
            stored.spec.interface.order = Some(order.into());
        }
        stored.spec.check_numbers()?;
        let flow = stored.spec.flow();
        flow.map_err(|found| ModelError::flow(&stored.spec, found))?;
        let functions = stored.functions.iter().map(|own| &own.name);
        if let Some(text) = stored
            .notes
            .iter()
            .chain(functions)
            .find(|text| text.contains(char::is_control))
        {
            return Err(malformed(format!("{text:?} has control characters")));
        }
        let outputs = stored.spec.interface.output_len(stored.spec.output_len());
        let tail = Tail::read(stored.tail, outputs).map_err(malformed)?;
        let layers = stored.spec.layers.iter();
        let custom = |act: &ActivationSpec| act.function == Function::Custom;
        let custom = layers.filter(|layer| layer.op.activation().is_some_and(custom));
        let custom = custom.count();
        let found = stored.functions.len();
        if found != custom {
            return Err(malformed(format!(
                "it has {found} functions, but its declaration has {custom} `Custom` layers"
            )));
        }
        let functions = stored.functions.into_iter().map(|own| {
            let expr = postfix::read(&own.postfix);
            let expr =
                expr.map_err(|reason| malformed(format!("function `{}`: {reason}", own.name)))?;
            Ok(CustomFunction {
                name: own.name,
                expr,
            })
        });
        Ok(Imported {
            spec: stored.spec,
            floats,
            functions: functions.collect::<Result<_, Error>>()?,
            notes: stored.notes,
            tail,
        })
    }

    /// Saves the model as one file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes())
    }

    /// Loads a file that [`Imported::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`Imported::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read_as("imported model", path.as_ref(), Self::from_bytes)
    }
}

/// The declaration in the header of a safetensors file.
fn entry(header: &Metadata) -> Option<&str> {
    let entries = header.metadata().as_ref()?;
    entries.get(ENTRY).map(String::as_str)
}

/// Checks the version before anything else, since a later one may have other fields.
///
/// # Errors
/// [`Error::NewerVersion`].
fn version_of(json: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Only {
        version: u32,
    }
    match serde_json::from_str(json) {
        Ok(Only { version }) if version > VERSION => Err(Error::NewerVersion {
            what: "imported model",
            version,
            known: VERSION,
        }),
        Ok(_) | Err(_) => Ok(()), // what else is wrong is found when the whole is read
    }
}
