//! Model files that were changed by a test.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use fhe_nn_core::prelude::*;
use safetensors::{Dtype, SafeTensors, View};
use serde_json::Value;

use super::{Mixed, mixed};

/// A tensor of a file that a test can change.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.data)
    }
    fn data_len(&self) -> usize {
        self.data.len()
    }
}

type Tensors = BTreeMap<String, Tensor>;

/// The message of the error after `change` has changed the tensors and metadata of a model.
pub(crate) fn refused(change: impl FnOnce(&mut Tensors, &mut HashMap<String, String>)) -> String {
    let bytes = mixed(0.0).to_bytes();
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a model");
    let mut metadata = header.metadata().clone().expect("metadata");
    let file = SafeTensors::deserialize(&bytes).expect("a model");
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, view)| {
            let tensor = Tensor {
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                data: view.data().to_vec(),
            };
            (name.to_owned(), tensor)
        })
        .collect();
    // the contents are checked in any case
    let entry = metadata.get_mut("fhe_nn").expect("an entry");
    *entry = of_version_1(entry);
    change(&mut tensors, &mut metadata);
    let bytes = safetensors::serialize(tensors, Some(metadata)).expect("tensors");
    Mixed::from_bytes(&bytes)
        .expect_err("a changed model")
        .to_string()
}

/// Makes the metadata like that of version 1, which has no checksum and no rule for ties.
fn of_version_1(entry: &str) -> String {
    let mut entry: Value = serde_json::from_str(entry).expect("JSON");
    assert_eq!(entry["version"], 3);
    entry["version"] = 1.into();
    let fields = entry.as_object_mut().expect("fields");
    fields.remove("sha256");
    fields.remove("ties");
    entry.to_string()
}

/// Makes a file like those of version 1, which have no checksum.
pub(crate) fn without_checksum(bytes: Vec<u8>) -> Vec<u8> {
    with_metadata(&bytes, of_version_1)
}

/// Changes the metadata of a file.
pub(crate) fn with_metadata(bytes: &[u8], change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let (length, _) = SafeTensors::read_metadata(bytes).expect("a model");
    let (header, data) = bytes[8..].split_at(length);
    let mut header: Value = serde_json::from_slice(header).expect("JSON");
    let entry = &mut header["__metadata__"]["fhe_nn"];
    *entry = change(entry.as_str().expect("text")).into();
    let header = serde_json::to_vec(&header).expect("JSON");
    [&(header.len() as u64).to_le_bytes(), &*header, data].concat()
}
