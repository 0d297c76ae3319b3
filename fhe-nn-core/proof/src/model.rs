//! Model files: one safetensors file with the integers of a quantized network.
//!
//! A linear layer `f` has the tensors `f.weights` (I8 or I16, `[outputs, inputs]`, of a convolution
//! `[channels, taps]`), `f.phases` (I64), `f.widths` (U8), `f.scales` and `f.bias` (F64), all `[outputs]`,
//! and `f.input` (F64, scale and zero point of what it reads). So has a layer without weights, for every
//! tensor that it reads. An embedding has `f.weights`, `[vocabulary, dimension]`, and `f.scale`. An
//! activation `g` with a padding bit has `g.tables` (I16), its tables one behind the other; their sizes
//! follow from the widths. The metadata's entry `fhe_nn` is JSON:
//! the version of the format and the declaration.
//!
//! What is read is checked before it is believed: types, shapes and ranges, and that the widths of
//! a `checked` layer hold whatever its weights can reach.

mod differ;
mod file;
mod read;
mod tensors;

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::file::{Unread, read_file};
use self::tensors::Tensor;
use crate::client::Affine;
use crate::error::ModelError;
use crate::part::Part;
use crate::spec::{Op, Spec};

/// Most bytes of a file of weights that are read: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;
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
pub fn to_bytes(spec: &Spec, parts: &[Part]) -> Vec<u8> {
    let mut tensors = Vec::new();
    for (layer, part) in spec.layers.iter().zip(parts) {
        let mut push =
            |field: &str, tensor| tensors.push((format!("{}.{field}", layer.name), tensor));
        match (part, &layer.op) {
            (Part::Linear(linear), op) => {
                let (outputs, inputs) = linear.weights.dim();
                let weights = linear.weights.iter().copied();
                push(
                    "weights",
                    integers(
                        op.linear().map_or(16, |linear| linear.weights),
                        vec![outputs, inputs],
                        weights,
                    ),
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
                push("input", meanings(&[linear.input]));
            }
            (Part::Embedding(vectors), op) => {
                let width = match op {
                    Op::Embedding(embedding) => embedding.weights,
                    _ => 16,
                };
                let shape = vectors.weights.shape().to_vec();
                push(
                    "weights",
                    integers(width, shape, vectors.weights.iter().copied()),
                );
                let scale = [vectors.scale.to_le_bytes()];
                push("scale", Tensor::new(Dtype::F64, vec![1], scale));
            }
            (Part::Sources(sources), _) => push("input", meanings(sources)),
            (Part::Tables(tables), _) => {
                let entries = tables.entries();
                let bytes = entries.iter().map(|y| y.to_le_bytes());
                push(
                    "tables",
                    Tensor::new(Dtype::I16, vec![entries.len()], bytes),
                );
            }
            (Part::Antiperiodic, _) => {}
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

/// Integers of so many bits.
fn integers(bits: u32, shape: Vec<usize>, values: impl Iterator<Item = i16>) -> Tensor {
    match bits {
        ..=8 => Tensor::new(Dtype::I8, shape, values.map(|w| (w as i8).to_le_bytes())),
        _ => Tensor::new(Dtype::I16, shape, values.map(i16::to_le_bytes)),
    }
}

/// Scale and zero point of one tensor after the other.
fn meanings(sources: &[Affine]) -> Tensor {
    let pairs = sources
        .iter()
        .flat_map(|source| [source.scale, source.zero_point as f64]);
    let shape = vec![2 * sources.len()];
    Tensor::new(Dtype::F64, shape, pairs.map(f64::to_le_bytes))
}

/// The declaration of a model file, and the integers of its layers.
///
/// # Errors
/// Those of [`from_bytes`], but for [`ModelError::ModelDiffers`], and [`ModelError::Undeclarable`] for a
/// declaration that the macro would not have accepted.
pub fn open(bytes: &[u8]) -> Result<(Spec, Vec<Part>), ModelError> {
    let spec = declaration(bytes)?;
    spec.check_numbers()?;
    let parts = integers_of(&spec, bytes)?;
    Ok((spec, parts))
}

/// The integers of a model file that must be of this declaration.
///
/// # Errors
/// [`ModelError::TooLarge`], [`ModelError::NotSafetensors`], [`ModelError::NotAModel`],
/// [`ModelError::ModelVersion`], [`ModelError::ModelDiffers`], errors that name a tensor, and
/// [`ModelError::AccumulatorBreaks`] for widths that do not hold what the weights can reach.
pub fn from_bytes(spec: &Spec, bytes: &[u8]) -> Result<Vec<Part>, ModelError> {
    match differ::difference(spec, &declaration(bytes)?) {
        None => integers_of(spec, bytes),
        Some(difference) => Err(ModelError::ModelDiffers {
            network: spec.name.to_string(),
            difference,
        }),
    }
}

fn integers_of(spec: &Spec, bytes: &[u8]) -> Result<Vec<Part>, ModelError> {
    let file = SafeTensors::deserialize(bytes).map_err(ModelError::NotSafetensors)?;
    read::parts(spec, &file)
}

/// Refuses what is larger than [`MAX_BYTES`].
///
/// # Errors
/// [`ModelError::TooLarge`].
pub fn check_size(bytes: u64) -> Result<(), ModelError> {
    match bytes {
        0..=MAX_BYTES => Ok(()),
        _ => Err(ModelError::TooLarge {
            bytes,
            limit: MAX_BYTES,
        }),
    }
}

/// The declaration in the metadata of a model file.
fn declaration(bytes: &[u8]) -> Result<Spec, ModelError> {
    check_size(bytes.len() as u64)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(ModelError::NotSafetensors)?;
    let entry = header.metadata().as_ref().and_then(|map| map.get(METADATA));
    let entry = entry.map(String::as_str);
    let not_a_model = |reason: String| ModelError::NotAModel { reason };
    let entry = entry.ok_or_else(|| not_a_model(format!("no metadata `{METADATA}`")))?;
    let json: Value = serde_json::from_str(entry).map_err(|e| not_a_model(e.to_string()))?;
    let version = json.get("version").and_then(Value::as_u64);
    let found = version.ok_or_else(|| not_a_model("no version in its metadata".to_owned()))?;
    if found > VERSION {
        return Err(ModelError::ModelVersion {
            found,
            newest: VERSION,
        });
    }
    let metadata: Metadata =
        serde_json::from_value(json).map_err(|e| not_a_model(e.to_string()))?;
    Ok(metadata.spec)
}
