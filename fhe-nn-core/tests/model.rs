//! Model files: what is loaded equals what was saved, and changed files are refused.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_proof::prove::prove;
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use safetensors::{Dtype, SafeTensors, View};

#[fhe_network(input(shape = [3], bits = 4))]
#[derive(Debug, Clone, PartialEq)]
struct Mixed {
    #[bits(weights = 4)]
    fc1: Dense<3, 4>,
    #[bits(output = 3, table = 5)]
    act1: Tanh,
    #[bits(weights = 10)]
    fc2: Dense<4, 2>,
    #[bits(table = 6)]
    sign: Sign,
    #[bits(weights = 3, accumulator = 3, overflow = wrap)]
    fc3: Dense<2, 2>,
    #[bits(output = 2, phases = 2)]
    wave: Wave,
    #[bits(weights = 4, overflow = calibrated)]
    fc4: Dense<4, 2>,
}

#[fhe_network(input(shape = [3], bits = 4))]
#[derive(Debug)]
struct Other {
    #[bits(weights = 5)]
    fc1: Dense<3, 4>,
}

/// Another declaration with the name `Mixed`.
mod changed {
    use fhe_nn_core::prelude::*;

    #[fhe_network(input(shape = [3], bits = 4))]
    #[derive(Debug)]
    pub(super) struct Mixed {
        #[bits(weights = 5)]
        fc1: Dense<3, 4>,
    }
}

fn mixed(seed: f32) -> Mixed {
    let mut floats = Floats::new();
    for (name, outputs, inputs) in [("fc1", 4, 3), ("fc2", 2, 4), ("fc3", 2, 2), ("fc4", 2, 4)] {
        let wave = |(j, i): (usize, usize)| (seed + 5.3 * j as f32 + 2.9 * i as f32).sin();
        let weights = Array2::from_shape_fn((outputs, inputs), wave);
        let bias = Array1::from_shape_fn(outputs, |j| wave((j, 77)));
        floats
            .insert(format!("{name}.weight"), weights.into_dyn())
            .expect("finite");
        floats
            .insert(format!("{name}.bias"), bias.into_dyn())
            .expect("finite");
    }
    Mixed::quantize(&floats, inputs(seed).view())
        .expect("quantizable")
        .network
}

fn inputs(seed: f32) -> Array2<f32> {
    Array2::from_shape_fn((40, 3), |(n, i)| (seed + n as f32 * 0.7 + i as f32).sin())
}

/// A tensor of a file that a test can change.
#[derive(Clone)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
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
fn refused(change: impl FnOnce(&mut Tensors, &mut HashMap<String, String>)) -> String {
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
    // without a checksum, as in version 1: the contents are checked in any case
    let entry = metadata.get_mut("fhe_nn").expect("an entry");
    *entry = entry.replacen("\"version\":2", "\"version\":1", 1);
    change(&mut tensors, &mut metadata);
    let bytes = safetensors::serialize(tensors, Some(metadata)).expect("tensors");
    Mixed::from_bytes(&bytes)
        .expect_err("a changed model")
        .to_string()
}

/// Makes a file like those of version 1, which have no checksum.
fn without_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let version = br#"version\":"#;
    let at = bytes
        .windows(version.len())
        .position(|part| part == version)
        .expect("metadata");
    assert_eq!(bytes[at + version.len()], b'2');
    bytes[at + version.len()] = b'1';
    bytes
}

#[test]
fn a_file_that_was_damaged_is_an_error_and_not_a_wrong_score() {
    let bytes = mixed(0.0).to_bytes();
    let (length, _) = SafeTensors::read_metadata(&bytes).expect("a model");
    for at in 8 + length..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert!(
            matches!(
                Mixed::from_bytes(&bytes),
                Err(Error::Model(fhe_nn_core::error::ModelError::Altered))
            ),
            "byte {at}"
        );
    }
    // older files have no checksum, and load
    let old = without_checksum(bytes);
    assert_eq!(Mixed::from_bytes(&old).expect("version 1"), mixed(0.0));
}

/// The message of the error after the bytes of one tensor were changed from `at` on.
fn refused_bytes(name: &str, at: usize, bytes: &[u8]) -> String {
    refused(|tensors, _| {
        let data = &mut tensors.get_mut(name).expect("a tensor").data;
        data[at..at + bytes.len()].copy_from_slice(bytes);
    })
}

#[test]
fn integers_out_of_range_are_named() {
    assert_eq!(
        refused_bytes("fc1.weights", 5, &[8]),
        "integer 5 of tensor `fc1.weights` is 8, but must lie in [-7, 7]"
    );
    assert_eq!(
        refused_bytes("fc2.weights", 2, &512i16.to_le_bytes()),
        "integer 1 of tensor `fc2.weights` is 512, but must lie in [-511, 511]"
    );
    assert_eq!(
        refused_bytes("act1.tables", 0, &(-5i16).to_le_bytes()),
        "integer 0 of tensor `act1.tables` is -5, but must lie in [-4, 3]"
    );
    assert_eq!(
        refused_bytes("fc1.phases", 8, &1i64.to_le_bytes()),
        "integer 1 of tensor `fc1.phases` is 1, but must lie in [0, 0]"
    );
    assert_eq!(
        refused_bytes("fc3.phases", 0, &8i64.to_le_bytes()),
        "integer 0 of tensor `fc3.phases` is 8, but must lie in [0, 7]"
    );
    assert!(refused_bytes("fc2.phases", 0, &(1i64 << 40).to_le_bytes()).contains("fc2.phases"));
    assert_eq!(
        refused_bytes("fc1.widths", 3, &[60]),
        "integer 3 of tensor `fc1.widths` is 60, but must lie in [2, 10]"
    );
    assert_eq!(
        refused_bytes("fc3.widths", 0, &[4]),
        "integer 0 of tensor `fc3.widths` is 4, but must lie in [3, 3]"
    );
}

#[test]
fn widths_that_do_not_hold_what_the_weights_reach_are_unsound() {
    let refused = refused_bytes("fc1.widths", 2, &[3]);
    assert!(refused.starts_with("neuron 2 of `fc1` reaches ["));
    assert!(refused.ends_with(" bits, but 3 are promised"));
}

#[test]
fn reals_that_are_none_are_named() {
    assert_eq!(
        refused_bytes("fc1.bias", 8, &f64::NAN.to_le_bytes()),
        "value 1 of tensor `fc1.bias` is NaN, but must be finite"
    );
    assert_eq!(
        refused_bytes("fc4.scales", 0, &(-1f64).to_le_bytes()),
        "value 0 of tensor `fc4.scales` is -1, but must be positive"
    );
    assert_eq!(
        refused_bytes("fc1.input", 8, &0.5f64.to_le_bytes()),
        "value 1 of tensor `fc1.input` is 0.5, but must be an integer in the range of the layer's inputs"
    );
    assert_eq!(
        refused_bytes("fc1.input", 0, &f64::INFINITY.to_le_bytes()),
        "value 0 of tensor `fc1.input` is inf, but must be finite"
    );
}

#[test]
fn missing_foreign_and_misshapen_tensors_are_named() {
    assert_eq!(
        refused(|tensors, _| drop(tensors.remove("fc3.phases"))),
        "tensor `fc3.phases` is missing"
    );
    assert_eq!(
        refused(|tensors, _| {
            let bias = tensors["fc1.bias"].clone();
            tensors.insert("fc9.bias".to_owned(), bias);
        }),
        "tensor `fc9.bias` belongs to no layer of `Mixed`"
    );
    assert_eq!(
        refused(|tensors, _| tensors.get_mut("fc1.weights").expect("a tensor").shape = vec![3, 4]),
        "tensor `fc1.weights` needs shape [4, 3], but has [3, 4]"
    );
    assert_eq!(
        refused(|tensors, _| tensors.get_mut("fc1.weights").expect("a tensor").dtype = Dtype::U8),
        "tensor `fc1.weights` needs type I8, but has U8"
    );
    let shortened = refused(|tensors, _| {
        let tables = tensors.get_mut("act1.tables").expect("a tensor");
        tables.data.truncate(8);
        tables.shape = vec![4];
    });
    assert!(
        shortened.starts_with("tensor `act1.tables` needs shape"),
        "{shortened}"
    );
}

#[test]
fn a_model_of_another_network_says_what_differs() {
    let bytes = mixed(0.0).to_bytes();
    assert_eq!(
        Other::from_bytes(&bytes)
            .expect_err("another network")
            .to_string(),
        "the model is of another network than `Other`: it is `Mixed`"
    );
    assert_eq!(
        changed::Mixed::from_bytes(&bytes)
            .expect_err("another declaration")
            .to_string(),
        "the model is of another network than `Mixed`: it has 7 layers, not 1"
    );
    assert!(
        refused(|_, metadata| {
            let entry = metadata.get_mut("fhe_nn").expect("metadata");
            *entry = entry.replacen("\"weights\":4", "\"weights\":5", 1);
        })
        .contains("its layer `fc1` has weights 5, not 4"),
    );
    assert_eq!(
        refused(|_, metadata| {
            let entry = metadata.get_mut("fhe_nn").expect("metadata");
            *entry = entry.replacen("\"version\":1", "\"version\":3", 1);
        }),
        "the model has format 3, but at most 2 is known"
    );
    assert!(refused(|_, metadata| metadata.clear()).starts_with("not a quantized model: "));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = mixed(0.0).to_bytes();
    for length in 0..bytes.len() {
        assert!(
            Mixed::from_bytes(&bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn files_are_saved_and_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mixed.safetensors");
    let model = mixed(1.0);
    model.save(&path).expect("written");
    assert_eq!(Mixed::load(&path).expect("read"), model);
    assert!(matches!(
        Mixed::load(folder.path().join("none")),
        Err(Error::Read { .. })
    ));
    assert!(matches!(
        model.save(folder.path()),
        Err(Error::Write { .. })
    ));
    let sparse = std::fs::File::create(&path).expect("a file");
    sparse.set_len((1 << 30) + 1).expect("a sparse file");
    assert_eq!(
        Mixed::load(&path).expect_err("too large").to_string(),
        "the file has 1073741825 bytes, but at most 1073741824 are read"
    );
}

#[test]
fn a_fingerprint_is_that_of_the_integers() {
    let model = mixed(0.0);
    let fingerprint = |model: &Mixed| model.fingerprint();
    let change = |name: &str, at: usize, byte: u8| {
        let mut bytes = without_checksum(model.to_bytes());
        let (length, header) = SafeTensors::read_metadata(&bytes).expect("a model");
        let start = 8 + length + header.info(name).expect("a tensor").data_offsets.0;
        bytes[start + at] ^= byte;
        Mixed::from_bytes(&bytes).expect("still a model")
    };
    assert_ne!(fingerprint(&model), fingerprint(&mixed(1.0)));
    assert_eq!(
        fingerprint(&model),
        fingerprint(&change("fc1.bias", 0, 1)),
        "a float"
    );
    assert_ne!(
        fingerprint(&model),
        fingerprint(&change("fc3.phases", 0, 1)),
        "an integer"
    );
}

/// The macro proves the same of a file as the network that is loaded from it.
#[test]
fn a_file_proves_what_its_network_plans() {
    let (model, options) = (mixed(0.0), PlanOptions::default());
    let proof = prove(Mixed::SPEC, &model.to_bytes(), &options).expect("a model");
    assert_eq!(proof.parts, model.parts());
    assert_eq!(proof.requirements.model, model.fingerprint());
    assert_eq!(proof.plan, model.plan(&options).expect("parameters exist"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_loaded_is_what_was_saved(seed in 0f32..100.0) {
        let model = mixed(seed);
        let loaded = Mixed::from_bytes(&model.to_bytes()).expect("a model");
        prop_assert_eq!(loaded.to_bytes(), model.to_bytes());
        prop_assert_eq!(loaded.fingerprint(), model.fingerprint());
        let inputs = inputs(seed + 0.5);
        prop_assert_eq!(loaded.run_batch(inputs.view()).expect("in shape"), model.run_batch(inputs.view()).expect("in shape"));
        prop_assert_eq!(loaded, model);
    }

    #[test]
    fn changed_bytes_are_an_error_or_a_network_that_runs(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let mut bytes = without_checksum(mixed(0.0).to_bytes());
        for (index, byte) in flips {
            // one bit flips at a time, so that headers survive
            let at = index.index(bytes.len());
            let before = std::mem::replace(&mut bytes[at], byte);
            if let Ok(model) = Mixed::from_bytes(&bytes) {
                prop_assert!(model.run_batch(inputs(0.3).view()).is_ok());
            }
            bytes[at] = before;
        }
    }

    #[test]
    fn noise_is_no_model(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Mixed::from_bytes(&bytes).is_err());
        prop_assert!(Floats::from_bytes(&bytes).is_err());
    }
}
