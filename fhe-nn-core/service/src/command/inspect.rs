use std::path::PathBuf;

use fhe_nn_core::import::Imported;
use fhe_nn_core::{Description, Floats, Kind, Label, Model, Protection, StoredKey};
use serde_json::{Value, json};

use crate::bytes;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;

/// Say what a file is: its kind, version and size, and what it belongs to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Any file of fhe-nn; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The largest file that is read, in bytes: more than the largest evaluation key that is made by default.
const MAX_BYTES: u64 = 1 << 32;

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let bytes = bytes::read(&self.file, MAX_BYTES)?;
        let found = match Label::read(&bytes) {
            Some(label) => self.labelled(label, &bytes)?,
            None if Label::begins(&bytes) => return Err(self.unlabelled(&bytes)),
            None => self.safetensors(&bytes)?,
        };
        let lines = found.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}\n"),
            value => format!("{name}: {value}\n"),
        });
        let text: String = lines.collect();
        let json = found
            .iter()
            .map(|(name, value)| (name.replace(' ', "_"), value.clone()));
        Ok(Outcome::new(text, Value::Object(json.collect())))
    }

    /// Reads a file or message of the kinds that begin with a label.
    fn labelled(&self, label: Label, bytes: &[u8]) -> Result<Found, Failure> {
        let mut found = vec![
            ("kind", json!(label.kind.name())),
            ("version", json!(label.version)),
            ("bytes", json!(bytes.len())),
        ];
        if let Some((fingerprint, id)) = label.belongs_to {
            found.push(("plan", json!(hex::encode(fingerprint))));
            found.push(("key", json!(hex::encode(id))));
        }
        match label.kind {
            Kind::EvaluationKey | Kind::Request | Kind::Reply => {}
            Kind::Description => {
                let description = Description::from_bytes(bytes).of(&self.file)?;
                let (client, plan) = (description.client_spec(), description.plan());
                found.extend([
                    ("network", json!(description.name())),
                    ("plan", json!(hex::encode(plan.fingerprint()))),
                    ("inputs", json!(client.inputs)),
                    ("input bits", json!(client.input_bits)),
                    ("scores", json!(client.decoder.len())),
                    ("outputs", json!(client.output_len())),
                    ("classes", json!(description.classes())),
                    (
                        "server key",
                        json!(description.server_identity().map(hex::encode)),
                    ),
                    ("bootstraps", json!(plan.bootstraps())),
                    ("log2 failure", json!(plan.log2_failure())),
                    ("evaluation key bytes", json!(plan.evaluation_key_bytes())),
                ]);
            }
            Kind::ClientKey => {
                let stored = StoredKey::from_bytes(bytes).of(&self.file)?;
                let protected = match stored.protection() {
                    Protection::None => "none: whoever has the file can decrypt",
                    Protection::Passphrase => "a passphrase",
                };
                found.push(("network", json!(stored.plan().client.network)));
                found.push(("protection", json!(protected)));
            }
        }
        Ok(found)
    }

    /// Says why a file that begins as those of fhe-nn do has no label.
    fn unlabelled(&self, bytes: &[u8]) -> Failure {
        let (path, length) = (self.file.display(), bytes.len());
        Failure::Call(format!(
            "{path}: it begins as a file of fhe-nn, but it is cut off (it has {length} bytes), or of a kind that \
             this program does not know\n  = help: if it was written by a newer fhe-nn, update this program"
        ))
    }

    /// Reads a file of integers or of floats.
    fn safetensors(&self, bytes: &[u8]) -> Result<Found, Failure> {
        if Imported::recognizes(bytes) {
            let imported = Imported::from_bytes(bytes).of(&self.file)?;
            let tensors = imported.floats.iter();
            return Ok(vec![
                ("kind", json!("imported model")),
                ("bytes", json!(bytes.len())),
                ("network", json!(imported.spec.name)),
                ("declaration", json!(imported.spec.to_string())),
                (
                    "tensors",
                    json!(tensors.map(|(name, _)| name).collect::<Vec<_>>()),
                ),
                ("notes", json!(imported.notes)),
            ]);
        }
        // floats without a declaration are told apart from a broken model by what they lack
        if !Model::recognizes(bytes)
            && let Ok(floats) = Floats::from_bytes(bytes)
            && floats.iter().next().is_some()
        {
            let tensors = floats.iter();
            let tensors = tensors.map(|(name, tensor)| format!("{name} {:?}", tensor.shape()));
            return Ok(vec![
                ("kind", json!("float weights, without a declaration")),
                ("bytes", json!(bytes.len())),
                ("tensors", json!(tensors.collect::<Vec<_>>())),
            ]);
        }
        let model = Model::from_bytes(bytes).of(&self.file)?;
        Ok(vec![
            ("kind", json!("quantized model")),
            ("bytes", json!(bytes.len())),
            ("network", json!(model.spec().name)),
            ("fingerprint", json!(hex::encode(model.fingerprint()))),
            ("declaration", json!(model.spec().to_string())),
        ])
    }
}

/// What is found, in the order in which it is printed.
type Found = Vec<(&'static str, Value)>;
