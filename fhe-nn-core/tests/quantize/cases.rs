//! Tests of single cases.

use fhe_nn_core::Error;
use fhe_nn_core::plan::Affine;
use fhe_nn_core::prelude::*;
use fhe_nn_core::quantize::{Clipping, Report};
use ndarray::{Array1, Array2, array, s};

use super::{
    METHODS, Promised, Seen, Smooth, TwoSigns, Waves, encode, floats, insert, linears, quantize,
    uniform,
};

#[test]
fn one_bit_inputs_are_pixels_above_a_half() {
    let seed = &mut 7;
    for method in METHODS {
        let mut samples = uniform((50, 6), 0.0..=1.0, seed);
        samples[[0, 0]] = 0.0;
        samples[[0, 1]] = 1.0;
        let quantized = Waves::quantize_with(&floats::<Waves>(seed), samples.view(), &method);
        let client = quantized.expect("a network").network.client_spec();
        let unit = Affine {
            scale: 1.0,
            zero_point: 0,
        };
        assert_eq!(client.encoder, unit.into());
        // a half is a tie, and 0 is even
        assert_eq!(
            encode(&client, &[0.0, 0.25, 0.49, 0.5, 0.51, 1.0]).to_vec(),
            [0, 0, 0, 0, 1, 1]
        );
    }
}

#[test]
fn a_neuron_that_breaks_its_promise_is_named_with_both_numbers() {
    let seed = &mut 3;
    let mut floats = floats::<Promised>(seed);
    // neurons 1 and 3 reach 6 x 3 x 3 = 54 with 7 bits, the others 6 x 3 = 18 with 6 bits
    let weights = Array2::from_shape_fn((4, 6), |(j, i)| match (j % 2, i) {
        (1, _) | (_, 0) => 1.0,
        _ => 0.0,
    });
    insert(&mut floats, "fc1", weights, Array1::zeros(4));
    let samples = uniform((50, 6), 0.0..=1.0, seed);
    let error = Promised::quantize(&floats, samples.view()).expect_err("a broken promise");
    assert_eq!(
        error.to_string(),
        "neuron 1 of `fc1` reaches [0, 54]: 7 bits, but 6 are promised; so does 1 more neuron"
    );
}

#[test]
fn inputs_that_never_change_are_dropped_where_asked() {
    let seed = &mut 5;
    let mut samples = uniform((64, 6), 0.0..=1.0, seed);
    samples.column_mut(2).fill(0.0);
    samples.column_mut(4).fill(1.0);
    let floats = floats::<Smooth>(seed);
    let dropping = Calibration::new().with_drop_constants(true);
    let quantized = Smooth::quantize_with(&floats, samples.view(), &dropping);
    let Quantized {
        network, report, ..
    } = quantized.expect("a network that keeps its promises");
    let first = &linears(&network)[0];
    assert_eq!(report.layers[0].constant_inputs, 2);
    assert_eq!(report.layers[0].dropped_inputs, [2, 4]);
    assert!(
        report
            .to_string()
            .contains("dropped inputs of `fc1`, which never changed: 2, 4;"),
        "{report}"
    );
    assert!(first.weights.column(2).iter().all(|&w| w == 0));
    assert!(first.weights.column(4).iter().all(|&w| w == 0));
    for j in 0..5 {
        let always = floats.get("fc1.weight").expect("inserted")[[j, 4]];
        let moved = first.bias[j] - f64::from(floats.get("fc1.bias").expect("inserted")[j]);
        assert!((moved - f64::from(always)).abs() < 0.01, "{moved} {always}");
    }
    let waves = Waves::quantize_with(&super::floats::<Waves>(seed), samples.view(), &dropping);
    let Quantized {
        network: waves,
        report,
        ..
    } = waves.expect("a network that keeps its promises");
    assert_eq!(report.layers[0].dropped_inputs, [2, 4]);
    assert!(linears(&waves)[0].weights.column(4).iter().all(|&w| w == 0));
}

#[test]
fn inputs_that_never_change_are_kept() {
    let seed = &mut 5;
    let mut samples = uniform((64, 6), 0.0..=1.0, seed);
    samples.column_mut(2).fill(0.0);
    samples.column_mut(4).fill(1.0);
    let floats = floats::<Smooth>(seed);
    let (network, report): (Smooth, _) = quantize(&floats, &samples);
    let layer = &report.layers[0];
    assert_eq!((layer.constant_inputs, layer.dropped_inputs.len()), (2, 0));
    let (first, reals) = (&linears(&network)[0], floats.get("fc1.weight"));
    let reals = reals.expect("inserted");
    for ((j, i), &w) in first.weights.indexed_iter() {
        let error = first.scales[j] * f64::from(w) - f64::from(reals[[j, i]]);
        assert!(error.abs() <= first.scales[j], "weight {i} of neuron {j}");
    }
}

#[test]
fn a_promise_that_needs_constants_dropped_says_so() {
    let seed = &mut 3;
    let mut floats = floats::<Promised>(seed);
    insert(&mut floats, "fc1", Array2::ones((4, 6)), Array1::zeros(4));
    let mut samples = uniform((50, 6), 0.0..=1.0, seed);
    samples.slice_mut(s![.., ..3]).fill(0.5);
    let error = Promised::quantize(&floats, samples.view()).expect_err("a broken promise");
    assert_eq!(
        error.to_string(),
        "neuron 0 of `fc1` reaches [0, 54]: 7 bits, but 6 are promised; so do 3 more neurons; inputs of `fc1` that never change over the samples: 3\n  = help: the promise holds without their weights: `Calibration::new().with_drop_constants(true)`, or `fhe-nn quantize --drop-constants`"
    );
    let dropping = Calibration::new().with_drop_constants(true);
    Promised::quantize_with(&floats, samples.view(), &dropping).expect("it holds");
}

#[test]
fn phases_of_a_sign_are_those_of_a_square_wave() {
    let seed = &mut 13;
    let mut floats = floats::<TwoSigns>(seed);
    let mut weights = uniform((4, 3), -3.4..=3.4, seed).mapv(f32::round);
    weights.column_mut(0).fill(3.0);
    insert(&mut floats, "fc1", weights, Array1::from_elem(4, 0.5));
    let samples = Array2::from_shape_fn((512, 3), |(n, i)| (n >> (3 * i) & 7) as f32);
    let quantized = TwoSigns::quantize_with(
        &floats,
        samples.view(),
        &Calibration::new().with_clipping(Clipping::MinMax),
    );
    let report = quantized.expect("fits").report;
    assert_eq!(
        (report.input.error, report.layers[0].results.error),
        (0.0, 0.0)
    );
}

#[test]
fn what_cannot_be_quantized_is_a_typed_error() {
    let seed = &mut 9;
    let (floats, samples) = (floats::<Seen>(seed), uniform((9, 6), 0.0..=1.0, seed));
    let of = |floats: &Floats, samples: &Array2<f32>, calibration| {
        let result = Seen::quantize_with(floats, samples.view(), &calibration);
        result.expect_err("not quantizable").to_string()
    };
    let default = Calibration::default();
    assert_eq!(
        of(&floats, &Array2::zeros((0, 6)), default),
        "`Seen` is calibrated on samples, but there are none"
    );
    assert_eq!(
        of(&floats, &Array2::zeros((1, 5)), default),
        "input has 5 values, but `Seen` takes 6"
    );
    assert_eq!(
        of(
            &floats,
            &array![[0.0, 1.0, 2.0, 3.0, f32::NAN, 5.0]],
            default
        ),
        "value 4 of sample 0 is NaN, but must be finite"
    );
    assert_eq!(
        of(
            &floats,
            &samples,
            Calibration::new().with_clipping(Clipping::Percentile(40.0))
        ),
        "percentile is 40, but must be above 50 and at most 100"
    );
    assert_eq!(
        of(&Floats::new(), &samples, default),
        "tensor `fc1.weight` is missing"
    );
    let mut wrong = floats.clone();
    let transposed = Array2::zeros((6, 5)).into_dyn();
    wrong.insert("fc1.weight", transposed).expect("finite");
    assert_eq!(
        of(&wrong, &samples, default),
        "tensor `fc1.weight` needs shape [5, 6], but has [6, 5]"
    );
    let mut infinite = Array2::zeros((5, 6)).into_dyn();
    infinite[[1, 2]] = f32::INFINITY;
    assert_eq!(
        wrong
            .insert("fc1.weight", infinite)
            .expect_err("infinite")
            .to_string(),
        "value 8 of tensor `fc1.weight` is not finite"
    );
    assert!(Floats::from_bytes(b"no such file").is_err());
    assert!(matches!(Floats::load("/nowhere"), Err(Error::Read { .. })));
}

#[test]
fn a_network_without_bias_or_of_equal_samples_is_quantized() {
    let mut floats = Floats::new();
    for (name, shape) in [("fc1.weight", (5, 6)), ("fc2.weight", (3, 5))] {
        floats
            .insert(name, Array2::zeros(shape).into_dyn())
            .expect("finite");
    }
    for samples in [
        Array2::zeros((1, 6)),
        Array2::ones((3, 6)),
        Array2::from_elem((2, 6), 1e30),
    ] {
        let (network, _): (Seen, _) = quantize(&floats, &samples);
        assert_eq!(
            network.run(&row(&samples, 0)).expect("in shape").reals(),
            [0.0; 3]
        );
    }
}

#[test]
fn the_report_prints_as_a_table_and_is_data() {
    let seed = &mut 11;
    let samples = uniform((64, 6), 0.0..=1.0, seed);
    let (_, report): (Seen, _) = quantize(&floats::<Seen>(seed), &samples);
    let text = report.to_string();
    let lines = 7 + report.notes.len();
    assert!(text.is_ascii() && text.lines().count() == lines, "{text}");
    let printed = |note: &String| text.contains(&format!("\n  note: {note}\n"));
    assert!(report.notes.iter().all(printed), "{text}");
    assert!(text.contains("10 calibrated"), "{text}");
    let json = serde_json::to_string(&report).expect("data");
    let back: Report = serde_json::from_str(&json).expect("data");
    assert_eq!(
        (back.to_string(), &back.layers[0].seen),
        (text, &report.layers[0].seen)
    );
}

fn row(values: &Array2<f32>, index: usize) -> Vec<f32> {
    values.row(index).to_vec()
}
