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
pub(crate) mod reader;
pub(crate) mod tensors;
pub(crate) mod write;

use std::collections::HashMap;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::file::{Unread, read_file};
use self::reader::{ModelReader, Place};
use self::tensors::Writer;
use crate::error::ModelError;
use crate::part::Part;
use crate::spec::Spec;

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
    let mut writer = Writer::default();
    for (layer, part) in spec.layers.iter().zip(parts) {
        part.write(&layer.name, layer.op.weights(), &mut writer);
    }
    let metadata = Metadata {
        version: VERSION,
        spec: spec.clone(),
    };
    let metadata = serde_json::to_string(&metadata).expect("a spec has string keys only");
    safetensors::serialize(
        writer.tensors,
        Some(HashMap::from([(METADATA.to_owned(), metadata)])),
    )
    .expect("every tensor has the bytes of its shape")
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
    parts(spec, &file)
}

/// The integers of every layer.
fn parts(spec: &Spec, file: &SafeTensors<'_>) -> Result<Vec<Part>, ModelError> {
    let mut reader = ModelReader::new(file);
    let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let mut parts: Vec<Part> = Vec::with_capacity(spec.layers.len());
    for layer in spec.layers.iter() {
        let place = Place {
            spec,
            facts: &facts,
            parts: &parts,
        };
        let part = layer.op.layer().read(&mut reader, &place)?;
        parts.push(part);
    }
    match reader.left() {
        None => Ok(parts),
        Some(name) => Err(ModelError::TensorUnknown {
            tensor: name.to_owned(),
            network: spec.name.to_string(),
        }),
    }
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
