//! Models that were written after reports about other tools, with the outputs that are right: by onnxruntime without
//! optimizations, by Brevitas, or by the definition of an operator. Each stands for a kind.
//!
//! A case is a folder of `cases`: a model, `expected.json`, and a page that says what is right.

mod formats;
mod quantizers;

use std::path::PathBuf;

use fhe_nn_core::import::{self, Comparison, ImportOptions, Imported, Reference, Widths};
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
    let imported = imported("segment_nhwc");
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
    is_right("conv1d_as_conv2d");
    let declaration = imported("conv1d_as_conv2d").declaration();
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
    let comparison = is_right("tabular_norm");
    assert_eq!((comparison.rows, comparison.agree), (180, 180));
    let imported = imported("tabular_norm");
    let expected = Reference::load(path("tabular_norm", "expected.json")).expect("the outputs");
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
    is_right("image_norm");
    let imported = imported("image_norm");
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

/// Models of scikit-learn, and models whose outputs are moved, averaged or quantized scores, by the script
/// `onnx/outputs.py`.
mod outputs {
    use super::*;

    /// The greatest squared error of integers of 7 and 8 bits, relative to the outputs.
    const FINE: f64 = 0.01;

    fn imported(name: &str) -> Imported {
        let widths = Widths::new().with_input(8).with_weights(8);
        let widths = widths.with_activations(7).with_table(8);
        match import::load(file(name, "onnx"), &widths) {
            Ok(imported) => imported,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    fn file(name: &str, end: &str) -> PathBuf {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/onnx/outputs"));
        folder.join(name).with_extension(end)
    }

    /// Asserts that a model is right, and returns the names of its layers.
    fn layers(name: &str) -> Vec<String> {
        let expected = Reference::load(file(name, "json")).expect("the outputs are there");
        let imported = imported(name);
        let layers = imported.spec.layers.iter();
        let layers = layers.map(|layer| layer.name.to_string()).collect();
        // a model that is read back from its file has the same left to its client
        let stored = Imported::from_bytes(&imported.to_bytes()).expect("its own file");
        for imported in [imported, stored] {
            let compared = match imported.compare(&expected) {
                Ok(compared) => compared,
                Err(error) => panic!("{name}: {error}"),
            };
            let (float, integer) = (compared.float_error, compared.integer_error);
            assert!(float <= 1e-4, "{name}: floats differ by {float}");
            assert!(integer <= FINE, "{name}: integers differ by {integer}");
        }
        layers
    }

    #[test]
    fn what_moves_averages_or_quantizes_scores_needs_no_layer() {
        for name in [
            "nhwc",
            "gathered",
            "mean",
            "mean_of_channels",
            "sum",
            "quantized",
            "levels",
        ] {
            let layers = layers(name);
            assert_eq!(layers.len(), 3, "{name}: {layers:?}");
        }
    }

    #[test]
    fn multilayer_perceptrons_of_scikit_learn_are_read() {
        for name in [
            "mlp_binary",
            "mlp_classes",
            "mlp_zipmap",
            "mlp_names",
            "mlp_regressor",
            "standard",
            "minmax",
        ] {
            let layers = layers(name);
            assert_eq!(layers.len(), 3, "{name}: {layers:?}");
        }
    }

    #[test]
    fn linear_models_of_scikit_learn_are_read() {
        for name in [
            "logistic_binary",
            "logistic_classes",
            "linear_svc",
            "linear",
            "linear_targets",
            "ridge",
        ] {
            let layers = layers(name);
            assert_eq!(layers.len(), 1, "{name}: {layers:?}");
        }
    }

    #[test]
    fn an_output_is_chosen_by_its_name() {
        let load = |name: &str, output: &str| {
            let options = ImportOptions::new().with_output(output);
            import::load(file(name, "onnx"), &options)
        };
        let chosen = load("mlp_classes", "probabilities").expect("it is an output");
        assert_eq!(chosen.floats, imported("mlp_classes").floats);
        let notes = chosen.notes.join("\n");
        assert!(
            notes.contains("the output `probabilities` is imported, and not `label`"),
            "{notes}"
        );
        let label = load("logistic_binary", "label").expect("the client finds its place");
        assert!(label.notes.join("\n").contains("`ArgMax` of the scores"));
        let refused = load("mlp_classes", "label").expect_err("labels are looked up");
        assert!(
            refused
                .to_string()
                .contains("choose the output of the scores"),
            "{refused}"
        );
        let refused = load("mlp_classes", "classes").expect_err("it has no such output");
        assert_eq!(
            refused.to_string(),
            "the model has no output `classes`\n  = help: it has `label`, `probabilities`"
        );
    }
}

#[test]
fn sk_mlp_classifier() {
    is_right("sk_mlp_classifier");
}

#[test]
fn sk_scaled_mlp() {
    is_right("sk_scaled_mlp");
}
