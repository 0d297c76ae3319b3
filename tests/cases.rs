//! Models that were written after reports about other tools, with the outputs that are right: by onnxruntime without
//! optimizations, by Brevitas, or by the definition of an operator. Each stands for a kind.
//!
//! A case is a folder of `cases`: a model, `expected.json`, and a page that says what is right.

mod formats;
mod quantizers;

use std::path::PathBuf;

use fhe_nn_core::import::{self, Comparison, Imported, Reference, Widths};
use fhe_nn_core::{Calibration, Scores};

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

/// The inputs of a case, and its right outputs.
pub(crate) fn expected(name: &str) -> Reference {
    Reference::load(path(name, "expected.json")).expect("the outputs are there")
}

/// Asserts that the floats of a case are right, and its integers within the given error.
fn is_right_within(name: &str, integer: f64) -> (Imported, Comparison) {
    let imported = imported(name);
    let comparison = match imported.compare(&expected(name)) {
        Ok(comparison) => comparison,
        Err(error) => panic!("{name}: {error}"),
    };
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
    (imported, comparison)
}

/// Asserts that the floats of a case are right, and its integers as near as proposed widths allow.
fn is_right(name: &str) -> (Imported, Comparison) {
    is_right_within(name, INTEGER)
}

/// Scores with the channels last, as Keras ends a fully convolutional network.
#[test]
fn segment_nhwc() {
    let (imported, _) = is_right("segment_nhwc");
    let names: Vec<&str> = imported
        .spec
        .layers
        .iter()
        .map(|layer| &*layer.name)
        .collect();
    assert_eq!(
        names,
        ["n_a", "relu", "n_b"],
        "moving scores needs no layer"
    );
}

/// PyTorch's exporter by default: weights are in a file beside the model.
#[test]
fn external_default() {
    let (imported, _) = is_right("external_default");
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
    assert_eq!(both.floats, imported.floats);
    let short = import::onnx_with_data(&bytes, &[(file, &data[..99])], "Short", &Widths::default());
    let text = short.expect_err("most of it is missing").to_string();
    assert!(text.contains("the file has 99 bytes"), "{text}");
}

/// An average over places that PyTorch gathers one by one.
#[test]
fn adaptive_pool_uneven() {
    is_right("adaptive_pool_uneven");
}

/// Channels in another order before a convolution in groups.
#[test]
fn channel_shuffle() {
    is_right("channel_shuffle");
}

/// The shortcut of ResNets without parameters: every second value, and channels of zeros.
#[test]
fn resnet_option_a() {
    is_right("resnet_option_a");
}

/// A gate for each channel.
#[test]
fn se_block() {
    is_right("se_block");
}

/// Constants that differ from place to place.
#[test]
fn positional() {
    is_right("positional");
}

/// An `If` whose condition follows from shapes.
#[test]
fn squeeze_if() {
    is_right("squeeze_if");
}

/// A convolution along one axis, written with two.
#[test]
fn conv1d_as_conv2d() {
    let (imported, _) = is_right("conv1d_as_conv2d");
    let declaration = imported.declaration();
    assert!(declaration.contains("Conv1d<3, 4, 5>"), "{declaration}");
}

/// The last windows of a maximum see one column: `ceil_mode` adds them.
#[test]
fn maxpool_ceil() {
    is_right("maxpool_ceil");
}

/// Keras pads with zeros in front of a maximum, behind a ReLU.
#[test]
fn zeropad_maxpool() {
    is_right("zeropad_maxpool");
}

/// "same" windows of a maximum: Keras repeats edges on PyTorch, and pads at the far sides on TensorFlow.
#[test]
fn keras_maxpool_same() {
    is_right("keras_maxpool_same");
    // its scores are small against the values that they add up, so 4 bits of these lose a third of a score
    let model = path("keras_maxpool_same", "keras_maxpool_same_tf.onnx");
    let widths = Widths::new().with_activations(6).with_table(8);
    let imported = import::load(&model, &widths).expect("supported");
    let expected = path("keras_maxpool_same", "expected_tf.json");
    let expected = Reference::load(expected).expect("the outputs are there");
    let comparison = imported.compare(&expected).expect("inputs of the model");
    assert!(comparison.float_error <= FLOAT, "{comparison:?}");
    assert!(comparison.integer_error <= INTEGER, "{comparison:?}");
}

/// Features that differ by a factor of 1000 are normalized in the model: the client does that, and nothing is lost.
#[test]
fn tabular_norm() {
    let (imported, comparison) = is_right("tabular_norm");
    assert_eq!((comparison.rows, comparison.agree), (180, 180));
    let expected = expected("tabular_norm");
    let labels = std::fs::read(path("tabular_norm", "labels.json")).expect("readable");
    let labels: Vec<usize> = serde_json::from_slice(&labels).expect("a list of classes");
    let network = imported.quantize(expected.inputs().view(), &Calibration::default());
    let network = network.expect("it quantizes").network;
    assert_eq!(network.client_spec().encoder.norms.len(), 13);
    let scores = network.run_batch(expected.inputs().view()).expect("rows");
    let classes: Vec<usize> = scores.iter().map(Scores::argmax).collect();
    assert_eq!(classes, labels);
}

/// Channels that are normalized in the model, before a convolution that pads: no layer is left of it.
#[test]
fn image_norm() {
    let (imported, _) = is_right("image_norm");
    let means = imported.floats.get("input.mean").expect("a normalization");
    assert_eq!(means.len(), 3);
    let names: Vec<&str> = imported
        .spec
        .layers
        .iter()
        .map(|layer| &*layer.name)
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn sk_mlp_classifier() {
    is_right("sk_mlp_classifier");
}

#[test]
fn sk_scaled_mlp() {
    is_right("sk_scaled_mlp");
}
