//! Ties: a network that was trained with quantization has the integers of its own framework, also where a value lies
//! in the middle between two of them.
//!
//! With scales that are powers of two, every value is exact in floating point, and many are ties: a fifth of the
//! accumulators, and half of the inputs in the second case.

use fhe_nn_core::import::{Imported, Reference};
use fhe_nn_core::prelude::*;
use fhe_nn_proof::spec::Op;
use ndarray::Array2;

use super::cases::{expected, imported};

/// Number of rows.
const ROWS: usize = 10_000;

/// The precision of a computation.
#[derive(Clone, Copy)]
enum Precision {
    /// That of frameworks.
    Single,
    Double,
}

impl Precision {
    /// The result of one operation. Rounding from 64 to 32 bits gives the 32-bit result of sums, products and
    /// quotients.
    fn of(self, x: f64) -> f64 {
        match self {
            Precision::Single => f64::from(x as f32),
            Precision::Double => x,
        }
    }
}

/// The outputs of a network by its definition: values are quantized as ONNX says, ties to even, and layers compute
/// with reals.
struct Defined {
    outputs: Vec<f64>,
    /// The least distance of a value from a tie, in steps.
    from_tie: f64,
}

/// Computes dense layers with quantizers before and between them, from the floats of the model.
fn defined(imported: &Imported, row: &[f32], precision: Precision) -> Defined {
    let floats = |name: String| -> Vec<f64> {
        let tensor = imported.floats.get(&name);
        let values = tensor.map_or_else(Vec::new, |tensor| tensor.iter().copied().collect());
        values.into_iter().map(f64::from).collect()
    };
    let mut from_tie = f64::INFINITY;
    let mut quantized = |name: &str, bits: u32, values: Vec<f64>| -> Vec<f64> {
        let scale = floats(format!("{name}.scale"))[0];
        let zero = floats(format!("{name}.zero_point"))[0];
        let each = values.into_iter().map(|x| {
            let steps = precision.of(x / scale);
            from_tie = from_tie.min((steps - steps.floor() - 0.5).abs());
            let level = steps.round_ties_even() + zero;
            let level = level.clamp(0.0, f64::from(bits).exp2() - 1.0);
            precision.of((level - zero) * scale)
        });
        each.collect()
    };
    let (means, stds) = (
        floats("input.mean".to_owned()),
        floats("input.std".to_owned()),
    );
    let input = row
        .iter()
        .enumerate()
        .map(|(index, &x)| match stds.get(index) {
            Some(std) => precision.of(precision.of(f64::from(x) - means[index]) / std),
            None => f64::from(x),
        });
    let input = input.collect();
    let mut values = quantized("input", imported.spec.input.bits, input);
    for layer in imported.spec.layers.iter() {
        let name = &layer.name;
        values = match &layer.op {
            Op::Dense(dense) => {
                let weights = floats(format!("{name}.weight"));
                let bias = floats(format!("{name}.bias"));
                let rows = weights.chunks_exact(dense.inputs).enumerate();
                let sums = rows.map(|(j, row)| {
                    let products = row.iter().zip(&values);
                    let sum =
                        products.fold(0.0, |sum, (w, x)| precision.of(sum + precision.of(w * x)));
                    precision.of(sum + bias.get(j).unwrap_or(&0.0))
                });
                sums.collect()
            }
            Op::Activation(relu) => {
                let positive = values.iter().map(|x| x.max(0.0)).collect();
                quantized(name, relu.output, positive)
            }
            other => panic!("{other}: these networks have dense layers and ReLUs"),
        };
    }
    Defined {
        outputs: values,
        from_tie,
    }
}

/// The integer network, calibrated on rows.
fn network(imported: &Imported, rows: &Array2<f32>) -> Model {
    let quantized = imported.quantize(rows.view(), &Calibration::default());
    quantized.expect("the widths hold").network
}

/// Values at integer multiples of a step, from `least` to `greatest` steps.
fn rows(values: usize, step: f32, (least, greatest): (i64, i64)) -> Array2<f32> {
    let mut state = 1u64;
    Array2::from_shape_simple_fn((ROWS, values), || {
        // Knuth's linear congruential generator
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let steps = (state >> 33) as i64 % (greatest - least + 1) + least;
        step * steps as f32
    })
}

fn reals(scores: &[Scores]) -> Vec<&[f64]> {
    scores.iter().map(Scores::reals).collect()
}

/// The real value of one unit of each score.
fn units(network: &Model) -> Vec<f64> {
    let client = network.client_spec();
    client.decoder.iter().map(|line| line.slope).collect()
}

/// The inputs of a reference with their outputs.
fn pairs(reference: &Reference) -> impl Iterator<Item = (&[f32], &[f64])> {
    let outputs = slices(reference.outputs());
    slices(reference.inputs()).zip(outputs)
}

fn slices<T>(rows: &Array2<T>) -> impl Iterator<Item = &[T]> {
    rows.as_slice()
        .expect("rows lie one after the other")
        .chunks_exact(rows.ncols())
}

/// Asserts that the integers are those of the definition, on these rows and on those of the case.
fn is_exact(name: &str, rows: &Array2<f32>) {
    let imported = imported(name);
    let expected = expected(name);
    let inputs = ndarray::concatenate![ndarray::Axis(0), rows.view(), expected.inputs().view()];
    let network = network(&imported, &inputs);
    let scores = network.run_batch(rows.view()).expect("rows of its shape");
    let own = reals(&scores).into_iter();
    let other = own
        .zip(slices(rows))
        .filter(|(own, row)| *own != defined(&imported, row, Precision::Double).outputs);
    assert_eq!(other.count(), 0, "{name}: rows that differ of {ROWS}");
    let scores = network.run_batch(expected.inputs().view()).expect("rows");
    for (own, outputs) in reals(&scores).into_iter().zip(slices(expected.outputs())) {
        assert_eq!(own, outputs, "{name}");
    }
}

#[test]
fn sums_that_are_ties_are_rounded_as_in_the_framework() {
    is_exact("brevitas_po2_ties", &rows(5, 0.5, (-8, 7)));
}

/// The input's scale is 0.5. Some values lie beyond its levels.
#[test]
fn inputs_that_are_ties_are_rounded_as_in_the_framework() {
    is_exact("brevitas_po2_input_ties", &rows(5, 0.25, (-20, 18)));
}

/// Each feature is normalized by powers of two before it is quantized, and half of the inputs are ties.
#[test]
fn inputs_that_are_normalized_are_rounded_as_in_the_framework() {
    let name = "quantized_norm";
    let imported = imported(name);
    assert_eq!(
        imported.spec.layers.len(),
        3,
        "the normalization is the client's"
    );
    let expected = expected(name);
    let network = network(&imported, expected.inputs());
    let units = units(&network);
    let scores = network.run_batch(expected.inputs().view()).expect("rows");
    for (own, (row, outputs)) in reals(&scores).into_iter().zip(pairs(&expected)) {
        let exact = defined(&imported, row, Precision::Double);
        let others = exact.outputs.iter().zip(outputs);
        for ((own, (exact, other)), unit) in own.iter().zip(others).zip(&units) {
            assert!((own - exact).abs() < unit / 2.0, "{row:?}");
            assert!((own - other).abs() < unit / 2.0, "{row:?}");
        }
    }
}

/// With other scales, a framework's own arithmetic may decide for the other side of a tie, but nowhere else.
#[test]
fn scores_differ_only_where_floats_of_32_bits_nearly_are_ties() {
    let name = "quantized_other_scales";
    let imported = imported(name);
    let expected = expected(name);
    let rows = rows(5, 1.0 / 1024.0, (-5000, 5000));
    let inputs = ndarray::concatenate![ndarray::Axis(0), rows.view(), expected.inputs().view()];
    let network = network(&imported, &inputs);
    let units = units(&network);
    // reals of the same integers differ by the rounding of 32-bit floats
    let differ = |own: &[f64], other: &[f64]| {
        let mut pairs = own.iter().zip(other).zip(&units);
        pairs.any(|((own, other), unit)| (own - other).abs() > unit / 2.0)
    };
    let scores = network.run_batch(rows.view()).expect("rows of its shape");
    for (own, row) in reals(&scores).into_iter().zip(slices(&rows)) {
        let exact = defined(&imported, row, Precision::Double);
        assert!(
            !differ(own, &exact.outputs) || exact.from_tie < 1e-9,
            "{row:?}"
        );
        let single = defined(&imported, row, Precision::Single);
        let near = single.from_tie < 1.0 / 65_536.0;
        assert!(!differ(own, &single.outputs) || near, "{row:?}");
    }
    let scores = network.run_batch(expected.inputs().view()).expect("rows");
    for (own, (row, outputs)) in reals(&scores).into_iter().zip(pairs(&expected)) {
        let single = defined(&imported, row, Precision::Single);
        let near = single.from_tie < 1.0 / 65_536.0;
        assert!(!differ(own, outputs) || near, "{row:?}");
    }
}
