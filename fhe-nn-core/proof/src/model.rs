//! Model files: one safetensors file with the integers of a quantized network.
//!
//! A linear layer `f` has the tensors `f.weights` (I8 or I16, `[outputs, inputs]`, for a convolution
//! `[channels, taps]`), `f.phases` (I64), `f.widths` (U8), `f.scales` and `f.bias` (F64), all `[outputs]`,
//! and `f.input` (F64, scale and zero point of what it reads; of each channel or value of an input that has several).
//! A layer without weights has `f.input` too, for every tensor that it reads. `input.mean` and `input.std` (F64) are the
//! normalization of inputs, if there is one. An embedding has `f.weights`, `[vocabulary, dimension]`, and `f.scale`.
//! An activation `g` with a padding bit has `g.tables` (I16), its tables one after the other; their sizes
//! follow from the widths. The metadata's entry `fhe_nn` is JSON:
//! the version of the format, the declaration, from version 2 on the SHA-256 of all of it, and from version 3 on
//! the rule for ties, by which the client encodes. Models of before rounded halves away from zero.
//! The declaration of an imported network has what the client does around it, also from version 3 on.
//!
//! Everything that is read is checked before it is used: types, shapes and ranges, and that the widths of
//! a `checked` layer hold whatever its weights can reach.

mod differ;
mod file;
pub(crate) mod reader;
pub(crate) mod tensors;
pub(crate) mod write;

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::file::{ReadError, read_file};
use self::reader::{ModelReader, Place};
use self::tensors::Writer;
use crate::encoder::Ties;
use crate::error::ModelError;
use crate::part::{Part, encoder};
use crate::spec::Spec;
use crate::spec::flow::Readers;

/// Greatest number of bytes of a file of weights that is read: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;
/// Version of the format that is written, and the newest that is read.
const VERSION: u64 = 3;
/// Version from which on a file must carry its SHA-256. It is verified wherever there is one.
const HASHED: u64 = 2;
/// Version from which on a file has its rule for ties.
const TIES: u64 = 3;
/// Entry of the metadata.
const METADATA: &str = "fhe_nn";

/// The metadata of a model file.
#[derive(Serialize, Deserialize)]
struct Metadata {
    version: u64,
    spec: Spec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ties: Option<Ties>,
    /// In hexadecimal digits, see [`hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// The bytes of a model file.
pub fn to_bytes(spec: &Spec, parts: &[Part]) -> Vec<u8> {
    let mut writer = Writer::default();
    for (layer, part) in spec.layers.iter().zip(parts) {
        part.write(&layer.name, layer.op.weights(), &mut writer);
    }
    let encoder = encoder(spec, parts);
    if let Some(encoder) = encoder.filter(|encoder| !encoder.norms.is_empty()) {
        encoder.write_norms(&mut writer);
    }
    let tensors = writer.tensors.iter();
    let tensors = tensors.map(|(name, tensor)| {
        (
            name.as_str(),
            tensor.dtype(),
            &*tensor.shape,
            &*tensor.bytes,
        )
    });
    let ties = encoder.map_or(Ties::ToEven, |encoder| encoder.ties);
    let metadata = Metadata {
        version: VERSION,
        sha256: Some(hash(spec, Some(ties), tensors.collect())),
        spec: spec.clone(),
        ties: Some(ties),
    };
    let metadata = serde_json::to_string(&metadata).expect("a spec has string keys only");
    safetensors::serialize(
        writer.tensors,
        Some(HashMap::from([(METADATA.to_owned(), metadata)])),
    )
    .expect("every tensor has the bytes of its shape")
}

/// Whether bytes are a file that says of itself that it is a model. It may still be broken.
pub fn recognizes(bytes: &[u8]) -> bool {
    let header = SafeTensors::read_metadata(bytes);
    header.is_ok_and(|(_, header)| entry(&header).is_some())
}

/// The declaration of a model file, and the integers of its layers.
///
/// # Errors
/// Those of [`from_bytes`] except [`ModelError::ModelDiffers`], and [`ModelError::Undeclarable`] for a
/// declaration that the macro would not have accepted.
pub fn open(bytes: &[u8]) -> Result<(Spec, Vec<Part>), ModelError> {
    let metadata = metadata(bytes)?;
    metadata.spec.check_numbers()?;
    let parts = integers_of(&metadata.spec, &metadata, bytes)?;
    Ok((metadata.spec, parts))
}

/// The integers of a model file, which must be one of this declaration.
///
/// # Errors
/// [`ModelError::TooLarge`], [`ModelError::NotSafetensors`], [`ModelError::NotAModel`],
/// [`ModelError::ModelVersion`], [`ModelError::ModelDiffers`], errors that name a tensor, and
/// [`ModelError::AccumulatorBreaks`] for widths that do not hold what the weights can reach.
pub fn from_bytes(spec: &Spec, bytes: &[u8]) -> Result<Vec<Part>, ModelError> {
    let metadata = metadata(bytes)?;
    match differ::difference(spec, &metadata.spec) {
        None => integers_of(spec, &metadata, bytes),
        Some(difference) => Err(ModelError::ModelDiffers {
            network: spec.name.to_string(),
            difference,
        }),
    }
}

fn integers_of(spec: &Spec, metadata: &Metadata, bytes: &[u8]) -> Result<Vec<Part>, ModelError> {
    let file = SafeTensors::deserialize(bytes).map_err(ModelError::not_safetensors)?;
    if metadata.version >= HASHED || metadata.sha256.is_some() {
        let views: Vec<_> = file.iter().collect();
        let tensors = views.iter();
        let tensors = tensors.map(|(name, view)| (*name, view.dtype(), view.shape(), view.data()));
        let found = hash(&metadata.spec, metadata.ties, tensors.collect());
        if metadata.sha256.as_ref() != Some(&found) {
            return Err(ModelError::Altered);
        }
    }
    parts(spec, &file, metadata.ties.unwrap_or(Ties::AwayFromZero))
}

/// SHA-256 over the declaration, the rule for ties and the tensors by name, each field preceded by its length: a damaged file
/// is an error instead of wrong scores. It does not prove the origin of the file.
fn hash(
    spec: &Spec,
    ties: Option<Ties>,
    mut tensors: Vec<(&str, Dtype, &[usize], &[u8])>,
) -> String {
    tensors.sort_unstable_by_key(|&(name, ..)| name);
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(&serde_json::to_vec(spec).expect("a spec has string keys only"));
    if let Some(ties) = ties {
        field(&serde_json::to_vec(&ties).expect("a rule is a name"));
    }
    for (name, dtype, shape, data) in tensors {
        field(name.as_bytes());
        field(format!("{dtype:?} {shape:?}").as_bytes());
        field(data);
    }
    hex::encode(hash.finalize())
}

/// The integers of every layer.
fn parts(spec: &Spec, file: &SafeTensors<'_>, ties: Ties) -> Result<Vec<Part>, ModelError> {
    let mut reader = ModelReader::new(file, ties);
    let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let readers = Readers::of(spec);
    let mut parts: Vec<Part> = Vec::with_capacity(spec.layers.len());
    for layer in spec.layers.iter() {
        let place = Place {
            spec,
            readers: &readers,
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

/// Refuses files that are larger than [`MAX_BYTES`].
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

/// The entry of a model in the header of a safetensors file.
fn entry(header: &safetensors::tensor::Metadata) -> Option<&str> {
    let entries = header.metadata().as_ref()?;
    entries.get(METADATA).map(String::as_str)
}

/// The metadata of a model file.
fn metadata(bytes: &[u8]) -> Result<Metadata, ModelError> {
    check_size(bytes.len() as u64)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(ModelError::not_safetensors)?;
    let not_a_model = |reason: String| ModelError::NotAModel { reason };
    let entry = entry(&header).ok_or_else(|| not_a_model(format!("no metadata `{METADATA}`")))?;
    let json: Value = serde_json::from_str(entry).map_err(|e| not_a_model(e.to_string()))?;
    let version = json.get("version").and_then(Value::as_u64);
    let found = version.ok_or_else(|| not_a_model("no version in its metadata".to_owned()))?;
    if found == 0 {
        return Err(not_a_model(
            "its format is 0, but formats are counted from 1".to_owned(),
        ));
    }
    if found > VERSION {
        return Err(ModelError::ModelVersion {
            found,
            newest: VERSION,
        });
    }
    let metadata: Metadata =
        serde_json::from_value(json).map_err(|e| not_a_model(e.to_string()))?;
    match metadata.ties {
        Some(_) if found < TIES => Err(not_a_model(format!(
            "its format is {found}, which has no rule for ties"
        ))),
        None if found >= TIES => Err(not_a_model("no rule for ties in its metadata".to_owned())),
        _ => Ok(metadata),
    }
}
