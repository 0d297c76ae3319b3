//! Quantizers that models have of their own, and scales that are kept or found anew.

use fhe_nn_core::Error;
use fhe_nn_core::import::{self, Reference, Widths};
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{Device, Precision};
use ndarray::{Array1, Array2, Axis};

use super::{INTEGER, expected, imported, is_right_within, path};

/// A quantizer whose range is the ReLU that onnxruntime's tool took away.
#[test]
fn ort_mlp_qdq() {
    let (imported, integer) = is_right_within("ort_mlp_qdq", 0.02);
    assert_eq!(integer.agree, integer.rows);
    let relus = imported.declaration().matches("Relu").count();
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
        let most = if file == "exact.json" { 0.002 } else { 0.01 };
        let is_centred = means.iter().all(|mean| mean.abs() < most);
        assert!(is_centred, "{file}: scores are shifted by {means}");
    }
}

/// The way of an 8-bit model into a plan: fewer bits, with scales that are found anew.
#[test]
fn kept_scale_fewer_bits() {
    #[fhe_network(input(shape = [1, 16], bits = 8))]
    struct OrtMlpQdq {
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
    struct Narrow {
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
    let expected = expected("ort_mlp_qdq");
    let inputs = expected.inputs().view();
    let refused = |error: Result<(), Error>| error.expect_err("levels are too few").to_string();
    let floats = &imported.floats;
    let text = refused(OrtMlpQdq::quantize(floats, inputs).map(drop));
    let weights =
        "`layer_1.weight_scale` is a scale of 8 bits, but `layer_1` declares `weights = 4`";
    assert!(text.starts_with(weights), "{text}");
    assert!(text.contains("declare `weights = 8`"), "{text}");
    let text = refused(Narrow::quantize(floats, inputs).map(drop));
    let first = "`input.scale` is a scale of 8 bits, but `input` declares `bits = 4`";
    assert!(text.starts_with(first), "{text}");

    let anew = Calibration::new().with_requantize(true);
    let network = OrtMlpQdq::quantize_with(floats, inputs, &anew);
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
    let network = Narrow::quantize_with(floats, inputs, &anew);
    let network = network.expect("scales are found anew").network;
    is_right(network.run_batch(inputs).expect("inputs are finite"));

    // as the importer proposes it where asked
    let widths = Widths::new().with_requantize(true);
    let model = path("ort_mlp_qdq", "ort_mlp_qdq.onnx");
    let imported = import::load(model, &widths).expect("the model is supported");
    let four = imported.declaration();
    assert!(four.contains("bits = 4") && !four.contains("= 8"), "{four}");
    let float = imported.float_scores(inputs).expect("it has floats");
    for (own, right) in float.iter().zip(expected.outputs()) {
        assert!((own - right).abs() < 1e-5, "{own} {right}");
    }
    let network = imported.quantize(inputs, &Calibration::default());
    let network = network.expect("scales are found anew").network;
    is_right(network.run_batch(inputs).expect("inputs are finite"));
    network
        .plan(&PlanOptions::new())
        .expect("there are parameters");
}

/// An input that no sample of the calibration changes, in a `checked` network.
#[test]
fn rare_flag() {
    #[fhe_network(input(shape = [4], bits = 4))]
    struct Risk {
        #[bits(weights = 4, accumulator = 10)]
        hidden: Dense<4, 6>,
        #[bits(output = 4, table = 6)]
        act: Relu,
        #[bits(weights = 4)]
        scores: Dense<6, 2>,
    }

    let mut floats = Floats::new();
    let weights = Array2::from_shape_fn((6, 4), |(i, j)| match (j, i < 3) {
        (3, true) => 2.0,
        (3, false) => -2.0,
        _ => ((i * 7 + j * 5) % 9) as f32 / 9.0 - 0.45,
    });
    let scores = Array2::from_shape_fn(
        (2, 6),
        |(k, i)| {
            if (i < 3) == (k == 1) { 1.0f32 } else { -1.0 }
        },
    );
    let tensors = [
        ("hidden.weight", weights.into_dyn()),
        ("hidden.bias", Array1::from_elem(6, 0.1).into_dyn()),
        ("scores.weight", scores.into_dyn()),
    ];
    for (name, tensor) in tensors {
        floats.insert(name, tensor).expect("finite");
    }
    let expected = expected("rare_flag");
    let tests = expected.inputs().view();
    let float = Risk::float_scores(&floats, tests).expect("it has floats");
    for (own, right) in float.iter().zip(expected.outputs()) {
        assert!((own - right).abs() < 0.01, "{own} {right}");
    }
    let samples = Array2::from_shape_fn((40, 4), |(i, j)| match j {
        3 => 0.0,
        _ => ((i * 13 + j * 29) % 41) as f32 / 40.0,
    });
    let scores = |network: &Risk| -> Vec<Vec<f64>> {
        let all = network.run_batch(tests).expect("inputs are finite");
        all.iter().map(|scores| scores.reals().to_vec()).collect()
    };

    // the flag is kept: what it does goes as far as calibration saw results go
    let kept = Risk::quantize(&floats, samples.view()).expect("a proved width");
    let layer = &kept.report.layers[0];
    assert_eq!((layer.constant_inputs, layer.dropped_inputs.len()), (1, 0));
    let notes = kept.report.notes.join("\n");
    assert!(
        notes.contains("inputs of `hidden` that never changed: 1;"),
        "{notes}"
    );
    let [without, with, other] = &scores(&kept.network)[..] else {
        panic!("three rows");
    };
    assert!(with[1] > without[1] + 1.0, "{with:?} {without:?}");
    assert!(other[1] > without[1] + 1.0, "{other:?} {without:?}");

    // dropped where asked, by name
    let dropping = Calibration::new().with_drop_constants(true);
    let dropped = Risk::quantize_with(&floats, samples.view(), &dropping).expect("a proved width");
    assert_eq!(dropped.report.layers[0].dropped_inputs, [3]);
    let notes = dropped.report.notes.join("\n");
    assert!(
        notes.contains("dropped inputs of `hidden`, which never changed: 3;"),
        "{notes}"
    );
    let [without, with, _] = &scores(&dropped.network)[..] else {
        panic!("three rows");
    };
    assert_eq!(with, without);

    // samples that set the flag
    let mut good = samples.clone();
    good.column_mut(3)
        .iter_mut()
        .step_by(5)
        .for_each(|flag| *flag = 1.0);
    let good = Risk::quantize(&floats, good.view()).expect("a proved width");
    assert_eq!(good.report.layers[0].constant_inputs, 0);
    for (own, right) in scores(&good.network).iter().zip(expected.outputs().rows()) {
        for (own, right) in own.iter().zip(right) {
            assert!((own - right).abs() < 0.7, "{own} {right}");
        }
    }
}

/// The clamp of a quantizer goes where it belongs, whatever lies between it and the sums.
#[test]
fn quantizers_in_many_places() {
    let files = [
        ("behind_max_pool", "relu: Relu"),
        ("behind_average", "relu2: Relu"),
        ("narrow_silu", "Silu"),
        ("concatenated", "Concat"),
        ("saturated_both", "Identity"),
    ];
    for (file, part) in files {
        let at = |kind: &str| path("quantizer_places", &format!("{file}.{kind}"));
        let imported = import::load(at("onnx"), &Widths::default());
        let imported = imported.unwrap_or_else(|error| panic!("{file}: {error}"));
        let declaration = imported.declaration();
        assert!(declaration.contains(part), "{declaration}");
        let expected = Reference::load(at("json")).expect("the outputs are there");
        let comparison = imported.compare(&expected);
        let comparison = comparison.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(comparison.float_error < 1e-4, "{file}: {comparison:?}");
        // inputs and weights that the model does not quantize have 4 bits
        assert!(
            comparison.integer_error <= INTEGER,
            "{file}: {comparison:?}"
        );
    }
}

/// Training has the quantizers as well: it begins as the quantized network, in floating point as the float network.
#[test]
fn training_begins_with_the_models_quantizers() {
    #[fhe_network(input(shape = [1, 16], bits = 8))]
    struct Eight {
        #[bits(weights = 8, overflow = calibrated)]
        layer_1: Dense<16, 12>,
        #[bits(output = 8, table = 8)]
        relu: Relu,
        #[bits(weights = 8, overflow = calibrated)]
        layer_3: Dense<12, 8>,
        #[bits(output = 8, table = 8)]
        relu2: Relu,
        #[bits(weights = 8)]
        layer_5: Dense<8, 3>,
    }

    #[fhe_network(input(shape = [1, 16], bits = 4))]
    struct Four {
        #[bits(weights = 4, overflow = calibrated)]
        layer_1: Dense<16, 12>,
        #[bits(output = 4, table = 6)]
        relu: Relu,
        #[bits(weights = 4, overflow = calibrated)]
        layer_3: Dense<12, 8>,
        #[bits(output = 4, table = 6)]
        relu2: Relu,
        #[bits(weights = 4)]
        layer_5: Dense<8, 3>,
    }

    let floats = &imported("ort_mlp_qdq").floats;
    let expected = expected("ort_mlp_qdq");
    let inputs = expected.inputs().view();
    let device = Device::Cpu;
    let mut module = Eight::trainable(&device).expect("a network");
    module.load(floats, inputs).expect("its floats");
    let trained = module.integer_scores(inputs).expect("calibrated");
    let quantized = Eight::quantize(&module.floats().expect("finite"), inputs);
    let network = quantized.expect("its own floats").network;
    let scores = network.run_batch(inputs).expect("inputs are finite");
    for (trained, scores) in trained.rows().into_iter().zip(&scores) {
        let integers: Vec<i64> = trained.iter().map(|&q| q as i64).collect();
        assert_eq!(integers, scores.integers());
    }

    let mut module = Eight::trainable(&device).expect("a network");
    module = module.with_precision(Precision::Float);
    module.load(floats, inputs).expect("its floats");
    let trained = module.scores(inputs).expect("floats");
    let float = Eight::float_scores(floats, inputs).expect("floats");
    for (trained, float) in trained.iter().zip(&float) {
        assert!(
            (f64::from(*trained) - float).abs() < 0.05,
            "{trained} {float}"
        );
    }

    // at fewer bits, only if scales may be found anew
    let mut module = Four::trainable(&device).expect("a network");
    let refused = module.load(floats, inputs).expect_err("levels are too few");
    assert!(matches!(refused, Error::KeptScale { .. }), "{refused}");
    let anew = Calibration::new().with_requantize(true);
    let mut module = module.with_calibration(anew);
    module.load(floats, inputs).expect("scales are found anew");
    let trained = module.scores(inputs).expect("calibrated");
    let pairs = trained.iter().zip(&float);
    let errors: f64 = pairs.map(|(x, y)| (f64::from(*x) - y).powi(2)).sum();
    let squares: f64 = float.iter().map(|y| y * y).sum();
    assert!(errors / squares < INTEGER, "{}", errors / squares);
}
