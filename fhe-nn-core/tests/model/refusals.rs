//! Files with other contents than their declaration asks for, or of another declaration.

use fhe_nn_core::prelude::*;
use safetensors::Dtype;

use super::changed::refused;
use super::{Mixed, mixed};

#[fhe_network(input(shape = [3], bits = 4))]
#[derive(Debug)]
struct Other {
    #[bits(weights = 5)]
    fc1: Dense<3, 4>,
}

/// Another declaration with the name `Mixed`.
mod another {
    use fhe_nn_core::prelude::*;

    #[fhe_network(input(shape = [3], bits = 4))]
    #[derive(Debug)]
    pub(super) struct Mixed {
        #[bits(weights = 5)]
        fc1: Dense<3, 4>,
    }
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
    let beyond = refused_bytes("fc1.phases", 8, &1000i64.to_le_bytes());
    assert!(
        beyond.starts_with("integer 1 of tensor `fc1.phases` is 1000, but must lie in ["),
        "{beyond}"
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
        another::Mixed::from_bytes(&bytes)
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
            *entry = entry.replacen("\"version\":1", "\"version\":4", 1);
        }),
        "the model has format 4, but at most 3 is known"
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
