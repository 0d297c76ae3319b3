//! Models that were written after reports about other tools, with the outputs that are right: by onnxruntime without
//! optimizations, by Brevitas, or by the definition of an operator. Each stands for a kind.
//!
//! A case is a folder of `cases`: a model, `expected.json`, and a page that says what is right.

use std::path::PathBuf;

use fhe_nn_core::import::{self, Comparison, Imported, Reference, Widths};

/// The greatest difference of a float score that is rounding, relative to an output of 1 or more.
const FLOAT: f64 = 0.02;
/// The greatest squared error of integers at the proposed widths, relative to the outputs.
const INTEGER: f64 = 0.06;

pub(crate) fn path(name: &str, file: &str) -> PathBuf {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    root.join(name).join(file)
}

pub(crate) fn imported(name: &str) -> Imported {
    let model = path(name, &format!("{name}.onnx"));
    match import::load(&model, &Widths::default()) {
        Ok(imported) => imported,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn compared(name: &str) -> Comparison {
    let expected = Reference::load(path(name, "expected.json")).expect("the outputs are there");
    match imported(name).compare(&expected) {
        Ok(comparison) => comparison,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// Asserts that the floats of a case are right, and its integers within the given error.
fn is_right_within(name: &str, integer: f64) -> Comparison {
    let comparison = compared(name);
    assert!(
        comparison.float_error <= FLOAT,
        "{name}: floats differ by {}",
        comparison.float_error
    );
    assert!(
        comparison.integer_error <= integer,
        "{name}: integers differ by {}",
        comparison.integer_error
    );
    comparison
}

/// Asserts that the floats of a case are right, and its integers as near as proposed widths allow.
fn is_right(name: &str) -> Comparison {
    is_right_within(name, INTEGER)
}

/// Scores with the channels last, as Keras ends a fully convolutional network.
#[test]
fn segment_nhwc() {
    is_right("segment_nhwc");
}

/// PyTorch's exporter by default: weights are in a file beside the model.
#[test]
fn external_default() {
    is_right("external_default");
    let bytes = std::fs::read(path("external_default", "external_default.onnx"));
    let bytes = bytes.expect("readable");
    let alone = import::onnx(&bytes, "Alone", &Widths::default()).expect_err("it has no folder");
    let text = alone.to_string();
    let (tensor, file) = ("tensor `1.weight`", "`external_default.onnx.data`");
    assert!(text.contains(tensor) && text.contains(file), "{text}");
    assert!(text.contains("`import::load`"), "{text}");

    let data = std::fs::read(path("external_default", "external_default.onnx.data"));
    let data = data.expect("readable");
    let file = "external_default.onnx.data";
    let both = import::onnx_with_data(&bytes, &[(file, &data)], "Both", &Widths::default());
    let both = both.expect("all that it needs");
    assert_eq!(both.floats, imported("external_default").floats);
    let short = import::onnx_with_data(&bytes, &[(file, &data[..99])], "Short", &Widths::default());
    let text = short.expect_err("most of it is missing").to_string();
    assert!(text.contains("the file has 99 bytes"), "{text}");
}
