//! Quantized models in the forms that tools write.

use fhe_nn_core::import::{self, Widths};
use fhe_nn_core::layer::Part;
use fhe_nn_core::prelude::*;
use ndarray::Array2;

use super::{is_right, is_right_within, path};

/// The greatest squared error of integers whose scales and widths are those of the model.
const KEPT: f64 = 0.01;

/// An input of 8-bit integers that goes straight into `DequantizeLinear`.
#[test]
fn uint8_input_dq() {
    let (imported, _) = is_right_within("uint8_input_dq", KEPT);
    assert_eq!(imported.spec.input.bits, 8);
}

/// An input of signed integers, channels last, and integers that are compared, put side by side and padded.
#[test]
fn q_int8_input() {
    let (imported, _) = is_right_within("q_int8_input", KEPT);
    assert_eq!(imported.spec.input.bits, 8);
}

/// An input that is quantized before its channels are moved to the front, and a maximum of integers.
#[test]
fn tflite_like() {
    is_right_within("tflite_like", KEPT);
}

/// A maximum of 8-bit values behind a ReLU that the quantizer repeats.
#[test]
fn ort_cnn_maxpool() {
    let notes = is_right("ort_cnn_maxpool").0.notes;
    assert!(
        notes.iter().any(|note| note.contains("compares at most 7")),
        "{notes:?}"
    );
}

/// Operators of integers as onnxruntime's quantizer writes them, and the `Gemm` of its optimizer.
#[test]
fn operators_of_integers() {
    for name in ["q_operator", "q_operator_channels"] {
        is_right(name);
    }
    is_right_within("q_gemm", KEPT);
    is_right_within("q_integer_products", KEPT);
}

/// Weights of 4 bits with a scale for each output.
#[test]
fn int4_weights() {
    let kept = is_right("int4_weights").0.floats;
    let scales = kept
        .iter()
        .filter(|(name, _)| name.ends_with(".weight_scale"));
    assert_eq!(
        scales.map(|(_, scales)| scales.len()).collect::<Vec<_>>(),
        [8]
    );
}

/// Weights of float16, and weights that are rounded to bfloat16.
#[test]
fn q_half() {
    is_right("q_half");
}

/// Weights whose integers have a zero point.
#[test]
fn q_asymmetric_weights() {
    let (imported, _) = is_right("q_asymmetric_weights");
    assert!(imported.notes.is_empty(), "{:?}", imported.notes);
}

/// Weights that have a scale for every few inputs are quantized again, with a note.
#[test]
fn q_blocks() {
    let notes = is_right("q_blocks").0.notes;
    assert!(
        notes.iter().any(|note| note.contains("quantized again")),
        "{notes:?}"
    );
}

/// Weights that QONNX rounds down, and in each of its ways.
#[test]
fn rounding_modes() {
    for name in ["qonnx_floor", "q_rounding_modes"] {
        is_right(name);
    }
}

/// Values that QONNX rounds down, up and to 0, many of them on a level.
#[test]
fn q_rounded_activations() {
    let (_, comparison) = is_right_within("q_rounded_activations", KEPT);
    assert!(comparison.float_error < 1e-5, "{comparison:?}");
}

/// A network of signs: of the input, of the values, and of the weights.
#[test]
fn bipolar_qonnx() {
    let (imported, comparison) = is_right_within("bipolar_qonnx", 1e-9);
    assert!(comparison.float_error < 1e-5, "{comparison:?}");
    assert_eq!(imported.spec.input.bits, 1);
    let inputs = Array2::from_shape_fn((4, 16), |(row, x)| ((row * 16 + x) % 7) as f32 - 3.0);
    let quantized = imported.quantize(inputs.view(), &Calibration::default());
    let network = quantized.expect("it has floats").network;
    for part in network.parts() {
        if let Part::Linear(linear) = part {
            let is_sign = |weight: &i16| weight.abs() == 1;
            assert!(linear.weights.iter().all(is_sign), "{linear:?}");
        }
    }
}

/// Biases of 32 bits.
#[test]
fn brevitas_int32_bias_qonnx() {
    is_right_within("brevitas_int32_bias_qonnx", KEPT);
}

/// Values of three levels.
#[test]
fn brevitas_narrow_act_qonnx() {
    is_right_within("brevitas_narrow_act_qonnx", KEPT);
}

/// What no quantization of the language is, is refused by the node's name.
#[test]
fn q_refused() {
    for (name, node, reason) in [
        (
            "dynamic",
            "`i` (DynamicQuantizeLinear)",
            "`quantize_static`",
        ),
        ("trunc", "`q` (Trunc)", "drops low bits"),
        (
            "signed_to_zero",
            "`q` (Quant)",
            "of both signs by `ROUND_TO_ZERO`",
        ),
        (
            "unknown_mode",
            "`q` (Quant)",
            "`STOCHASTIC`, which is not known",
        ),
        (
            "input_floor",
            "`q` (Quant)",
            "the client rounds to the nearest",
        ),
        ("moved_zero", "`q` (Quant)", "zero point is not an integer"),
        ("wide", "`q` (Quant)", "1 to 32 bits"),
        ("scales", "`i` (QuantizeLinear)", "more than one scale"),
        ("not_integers", "`q` (DequantizeLinear)", "not integers yet"),
        (
            "arithmetic",
            "`j` (Add)",
            "before their scale makes reals of them",
        ),
        ("float8", "`f8`", "FLOAT8E4M3FN"),
    ] {
        let model = path("q_refused", &format!("{name}.onnx"));
        let error = import::load(model, &Widths::default()).expect_err(name);
        let error = error.to_string();
        assert!(
            error.contains(node) && error.contains(reason),
            "{name}: {error}"
        );
    }
}
