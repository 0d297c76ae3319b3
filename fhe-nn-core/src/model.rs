//! Model files: one safetensors file with the integers of a quantized network.
//!
//! A linear layer `f` has the tensors `f.weights` (I8 or I16, `[outputs, inputs]`), `f.phases`
//! (I64), `f.widths` (U8), `f.scales` and `f.bias` (F64), all `[outputs]`, and `f.input` (F64,
//! scale and zero point). An activation `g` with a padding bit has `g.tables` (I16), its tables
//! one behind the other; their sizes follow from the widths. The metadata's entry `fhe_nn` is JSON:
//! the version of the format and the declaration.
//!
//! What is read is checked before it is believed: types, shapes and ranges, and that the widths of
//! a `checked` layer hold whatever its weights can reach.

mod read;
mod tensors;

use std::collections::HashMap;

use fhe_nn_proof::spec::{Op, Spec};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::tensors::Tensor;
use crate::layer::{Part, PartRef};
use crate::{Error, file};

/// Version of the format that is written, and the newest that is read.
const VERSION: u64 = 1;
/// Entry of the metadata.
const METADATA: &str = "fhe_nn";

/// The metadata of a model file.
#[derive(Serialize, Deserialize)]
struct Metadata {
    version: u64,
    spec: Spec,
}

/// A model file.
pub(crate) fn to_bytes(spec: &Spec, parts: &[PartRef<'_>]) -> Vec<u8> {
    let mut tensors = Vec::new();
    for (layer, part) in spec.layers.iter().zip(parts) {
        let mut push =
            |field: &str, tensor| tensors.push((format!("{}.{field}", layer.name), tensor));
        match (part, &layer.op) {
            (PartRef::Linear(linear), Op::Dense(dense)) => {
                let (outputs, inputs) = linear.weights.dim();
                let weights = linear.weights.iter().copied();
                push(
                    "weights",
                    if dense.weights <= 8 {
                        Tensor::new(
                            Dtype::I8,
                            vec![outputs, inputs],
                            weights.map(|w| (w as i8).to_le_bytes()),
                        )
                    } else {
                        Tensor::new(
                            Dtype::I16,
                            vec![outputs, inputs],
                            weights.map(i16::to_le_bytes),
                        )
                    },
                );
                let of_neurons = vec![outputs];
                let phases = linear.phases.iter().map(|t| t.to_le_bytes());
                push(
                    "phases",
                    Tensor::new(Dtype::I64, of_neurons.clone(), phases),
                );
                let widths = linear.widths.iter().map(|&width| [width as u8]);
                push("widths", Tensor::new(Dtype::U8, of_neurons.clone(), widths));
                let scales = linear.scales.iter().map(|s| s.to_le_bytes());
                push(
                    "scales",
                    Tensor::new(Dtype::F64, of_neurons.clone(), scales),
                );
                let bias = linear.bias.iter().map(|b| b.to_le_bytes());
                push("bias", Tensor::new(Dtype::F64, of_neurons, bias));
                let input = [linear.input.scale, linear.input.zero_point as f64];
                push(
                    "input",
                    Tensor::new(Dtype::F64, vec![2], input.map(f64::to_le_bytes)),
                );
            }
            (PartRef::Tables(tables), _) => {
                let entries = tables.entries();
                let bytes = entries.iter().map(|y| y.to_le_bytes());
                push(
                    "tables",
                    Tensor::new(Dtype::I16, vec![entries.len()], bytes),
                );
            }
            (PartRef::Antiperiodic, _) | (PartRef::Linear(_), Op::Activation(_)) => {}
        }
    }
    let metadata = Metadata {
        version: VERSION,
        spec: spec.clone(),
    };
    let metadata = serde_json::to_string(&metadata).expect("a spec has string keys only");
    safetensors::serialize(
        tensors,
        Some(HashMap::from([(METADATA.to_owned(), metadata)])),
    )
    .expect("every tensor has the bytes of its shape")
}

/// The integers of a model file.
///
/// # Errors
/// See [`crate::Network::from_bytes`].
pub(crate) fn from_bytes(spec: &Spec, bytes: &[u8]) -> Result<Vec<Part>, Error> {
    file::check_size(bytes.len() as u64)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(Error::NotSafetensors)?;
    let entry = header.metadata().as_ref().and_then(|map| map.get(METADATA));
    check_metadata(spec, entry.map(String::as_str))?;
    let file = SafeTensors::deserialize(bytes).map_err(Error::NotSafetensors)?;
    read::parts(spec, &file)
}

fn check_metadata(spec: &Spec, entry: Option<&str>) -> Result<(), Error> {
    let not_a_model = |reason: String| Error::NotAModel { reason };
    let entry = entry.ok_or_else(|| not_a_model(format!("no metadata `{METADATA}`")))?;
    let json: Value = serde_json::from_str(entry).map_err(|e| not_a_model(e.to_string()))?;
    let version = json.get("version").and_then(Value::as_u64);
    let found = version.ok_or_else(|| not_a_model("no version in its metadata".to_owned()))?;
    if found > VERSION {
        return Err(Error::ModelVersion {
            found,
            newest: VERSION,
        });
    }
    let metadata: Metadata =
        serde_json::from_value(json).map_err(|e| not_a_model(e.to_string()))?;
    match difference(spec, &metadata.spec) {
        None => Ok(()),
        Some(difference) => Err(Error::ModelDiffers {
            network: spec.name.to_string(),
            difference,
        }),
    }
}

/// The first difference between a declaration and that of a file.
fn difference(ours: &Spec, theirs: &Spec) -> Option<String> {
    if ours.name != theirs.name {
        return Some(format!("it is `{}`", theirs.name));
    }
    if ours.input != theirs.input {
        return Some(format!(
            "its input is {:?} of {} bits, not {:?} of {} bits",
            theirs.input.shape, theirs.input.bits, ours.input.shape, ours.input.bits
        ));
    }
    if ours.layers.len() != theirs.layers.len() {
        return Some(format!(
            "it has {} layers, not {}",
            theirs.layers.len(),
            ours.layers.len()
        ));
    }
    ours.layers
        .iter()
        .zip(theirs.layers.iter())
        .find(|(ours, theirs)| ours != theirs)
        .map(|(ours, theirs)| {
            if ours.name == theirs.name {
                format!(
                    "its layer `{}` is {:?}, not {:?}",
                    ours.name, theirs.op, ours.op
                )
            } else {
                format!(
                    "its layer `{}` is in the place of `{}`",
                    theirs.name, ours.name
                )
            }
        })
}
