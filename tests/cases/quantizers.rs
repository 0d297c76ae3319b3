//! Quantizers that models have of their own, and scales that are kept or found anew.

use fhe_nn_core::Error;
use fhe_nn_core::import::Reference;
use fhe_nn_core::prelude::*;
use ndarray::Axis;

use super::{INTEGER, imported, is_right_within, path};

/// A quantizer whose range is the ReLU that onnxruntime's tool took away.
#[test]
fn ort_mlp_qdq() {
    let integer = is_right_within("ort_mlp_qdq", 0.02);
    assert_eq!(integer.agree, integer.rows);
    let relus = imported("ort_mlp_qdq")
        .declaration()
        .matches("Relu")
        .count();
    assert_eq!(relus, 2, "the third quantizer has levels below 0");
}

/// The same in 8 signed bits, with a residual block whose branches have scales of their own.
#[test]
fn ort_qdq_int8_perchannel() {
    is_right_within("ort_qdq_int8_perchannel", 0.02);
}

/// A quantizer that saturates, before a layer in floats whose bias is corrected.
#[test]
fn brevitas_float_last_layer() {
    let imported = imported("brevitas_float_last_layer");
    for file in ["expected.json", "exact.json"] {
        let expected = path("brevitas_float_last_layer", file);
        let expected = Reference::load(expected).expect("the outputs are there");
        let comparison = imported.compare(&expected).expect("as many scores");
        assert!(comparison.integer_error <= 0.01, "{file}: {comparison:?}");
        // onnxruntime rounded a bias for the first file
        assert!(
            file == "expected.json" || comparison.float_error < 1e-5,
            "{comparison:?}"
        );
        let inputs = expected.inputs().view();
        let quantized = imported.quantize(inputs, &Calibration::default());
        let network = quantized.expect("it has floats").network;
        let scores = network.run_batch(inputs).expect("inputs are finite");
        let mut shifts = expected.outputs().mapv(|y| -y);
        for (mut row, scores) in shifts.rows_mut().into_iter().zip(scores) {
            row.iter_mut()
                .zip(scores.reals())
                .for_each(|(own, score)| *own += score);
        }
        let means = shifts.mean_axis(Axis(0)).expect("there are rows");
        let least = means.iter().all(|mean| mean.abs() < 0.005);
        assert!(least, "{file}: scores are shifted by {means}");
    }
}

/// The way of an 8-bit model into a plan: fewer bits, with scales that are found anew.
#[test]
fn kept_scale_fewer_bits() {
    #[fhe_network(input(shape = [1, 16], bits = 8))]
    pub struct OrtMlpQdq {
        #[bits(weights = 4, overflow = calibrated)]
        layer_1: Dense<16, 12>,
        #[bits(output = 8, table = 8)]
        relu: Relu,
        #[bits(weights = 4, overflow = calibrated)]
        layer_3: Dense<12, 8>,
        #[bits(output = 8, table = 8)]
        relu2: Relu,
        #[bits(weights = 4)]
        layer_5: Dense<8, 3>,
    }

    #[fhe_network(input(shape = [1, 16], bits = 4))]
    pub struct Narrow {
        #[bits(weights = 8, overflow = calibrated)]
        layer_1: Dense<16, 12>,
        #[bits(output = 4, table = 8)]
        relu: Relu,
        #[bits(weights = 8, overflow = calibrated)]
        layer_3: Dense<12, 8>,
        #[bits(output = 4, table = 8)]
        relu2: Relu,
        #[bits(weights = 8)]
        layer_5: Dense<8, 3>,
    }

    let imported = imported("ort_mlp_qdq");
    let expected = Reference::load(path("ort_mlp_qdq", "expected.json"));
    let expected = expected.expect("the outputs are there");
    let inputs = expected.inputs().view();
    let refused = |error: Result<(), Error>| error.expect_err("levels are too few").to_string();
    let text = refused(OrtMlpQdq::quantize(&imported.floats, inputs).map(drop));
    let weights =
        "`layer_1.weight_scale` is a scale of 8 bits, but `layer_1` declares `weights = 4`";
    assert!(text.starts_with(weights), "{text}");
    assert!(text.contains("declare `weights = 8`"), "{text}");
    let text = refused(Narrow::quantize(&imported.floats, inputs).map(drop));
    let first = "`input.scale` is a scale of 8 bits, but `input` declares `bits = 4`";
    assert!(text.starts_with(first), "{text}");

    let anew = Calibration::new().with_requantize(true);
    let network = OrtMlpQdq::quantize_with(&imported.floats, inputs, &anew);
    let network = network.expect("scales are found anew").network;
    let is_right = |scores: Vec<Scores>| {
        let reals = scores.iter().flat_map(Scores::reals);
        let errors = reals.zip(expected.outputs());
        let errors: f64 = errors.map(|(x, y)| (x - y).powi(2)).sum();
        let squares: f64 = expected.outputs().iter().map(|y| y * y).sum();
        assert!(errors / squares <= INTEGER, "{}", errors / squares);
    };
    is_right(network.run_batch(inputs).expect("inputs are finite"));
    network
        .plan(&PlanOptions::new())
        .expect("there are parameters");
    let network = Narrow::quantize_with(&imported.floats, inputs, &anew);
    let network = network.expect("scales are found anew").network;
    is_right(network.run_batch(inputs).expect("inputs are finite"));
}
