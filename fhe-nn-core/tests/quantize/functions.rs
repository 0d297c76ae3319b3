//! Laws of every function that a table can hold.

use fhe_nn_core::Error;
use fhe_nn_core::layer::Linear;
use fhe_nn_core::prelude::*;
use fhe_nn_core::proof::graph::{Graph, Op};
use fhe_nn_core::proof::widths::Range;
use fhe_nn_core::quantize::Report;
use fhe_nn_core::spec::{Function, Op as SpecOp};
use ndarray::{Array2, array};
use proptest::prelude::*;

use super::{METHODS, floats, insert, linears, parameters, quantize, uniform};

/// A law for a quantized network with one table per neuron.
type Law = fn(Function, Graph<'_>, &[Linear], &Report);

/// Declares two networks for each function. The tables of one read all bits, those of the other only
/// some.
macro_rules! networks {
    ($($function:ident),* $(,)?) => {
        const PADDED: &[Function] = &[$(Function::$function),*];

        fn for_all(samples: &Array2<f32>, seed: &mut u64, method: &Calibration, law: Law) {
            $({
                #[fhe_network(input(shape = [6], bits = 2))]
                #[derive(Debug)]
                struct Whole {
                    #[bits(weights = 4)]
                    fc1: Dense<6, 4>,
                    #[bits(output = 5)]
                    act: fhe_nn_core::layer::$function,
                    #[bits(weights = 4)]
                    fc2: Dense<4, 2>,
                }
                #[fhe_network(input(shape = [6], bits = 8))]
                #[derive(Debug)]
                struct Dropped {
                    #[bits(weights = 8, overflow = calibrated)]
                    fc1: Dense<6, 4>,
                    #[bits(output = 8, table = 8)]
                    act: fhe_nn_core::layer::$function,
                    #[bits(weights = 8, accumulator = 20)]
                    fc2: Dense<4, 2>,
                }
                let quantized = Whole::quantize_with(&floats::<Whole>(seed), samples.view(), method);
                let Quantized {
                    network, report, ..
                } = quantized.expect("fits");
                law(Function::$function, network.model().graph(), &linears(&network), &report);
                let quantized = Dropped::quantize_with(&floats::<Dropped>(seed), samples.view(), method);
                let Quantized {
                    network, report, ..
                } = quantized.expect("fits");
                law(Function::$function, network.model().graph(), &linears(&network), &report);
            })*
        }
    };
}
networks!(
    Relu,
    Relu6,
    LeakyRelu,
    Prelu,
    Threshold,
    Elu,
    Selu,
    Celu,
    Gelu,
    Silu,
    Mish,
    Softplus,
    HardSwish,
    Sigmoid,
    HardSigmoid,
    Tanh,
    HardTanh,
    Softsign,
    Identity,
    Abs,
    Square,
    Exp,
);

#[test]
fn every_padded_function_is_tested() {
    let padded = Function::all().filter(|function| !function.is_antiperiodic());
    // a custom function has its own test
    let padded = padded.filter(|&function| function != Function::Custom);
    assert_eq!(padded.collect::<Vec<_>>(), PADDED);
}

/// The result at an accumulator is the function at the real that its bucket's centre stands for, exact
/// to half a step within the range. Outside the range, it is the nearest end.
fn tables_hold_their_functions(
    function: Function,
    graph: Graph<'_>,
    linears: &[Linear],
    _: &Report,
) {
    let (Op::Lookup(lookup), [first, last]) = (&graph.nodes[1].op, linears) else {
        unreachable!("a linear layer, its tables, and another")
    };
    let SpecOp::Activation(act) = &graph.spec.layers[1].op else {
        unreachable!("the second field is an activation")
    };
    let (meaning, range) = (last.input.affines[0], function.range(act.output));
    for j in 0..first.outputs() {
        let (line, dropped) = (first.line(j), lookup.dropped_bits(j));
        let Range { lo, hi } = Range::signed(first.widths[j]);
        // accumulators of one bucket have one centre
        for bucket in lo >> dropped..=hi >> dropped {
            let least = bucket << dropped;
            let centre = least as f64 + ((1u64 << dropped) - 1) as f64 / 2.0;
            let real = function.value(line.slope * centre + line.offset, &parameters(function));
            let held = real.clamp(meaning.real(range.lo), meaning.real(range.hi));
            for acc in least.max(lo)..=(least + (1 << dropped) - 1).min(hi) {
                let y = lookup.value(j, acc, 0);
                assert!(range.contains(y), "{function:?}: {y}");
                let error = (meaning.real(y) - held).abs();
                assert!(
                    error <= meaning.scale * 0.500_001,
                    "{function:?} at {acc}: {error}"
                );
            }
        }
    }
}

/// With eight bits, results are close to the float network. A table is read at the centres of its
/// buckets, which are off by half a bucket at most. For `Exp`, such a distance is a ratio of results,
/// however wide its range is.
fn results_are_near_the_reals(
    function: Function,
    graph: Graph<'_>,
    linears: &[Linear],
    report: &Report,
) {
    if graph.spec.input.bits != 8 {
        return;
    }
    let (Op::Lookup(lookup), [first, _]) = (&graph.nodes[1].op, linears) else {
        unreachable!("a linear layer, its tables, and another")
    };
    let bucket = |j: usize| f64::from(lookup.dropped_bits(j)).exp2() * first.line(j).slope;
    let widest = (0..first.outputs()).map(bucket).fold(0.0, f64::max);
    let of_buckets = match function {
        Function::Exp => (widest / 2.0).exp_m1(),
        _ => 0.0,
    };
    let error = report.layers[0].results.relative();
    assert!(
        error < 0.05 + of_buckets,
        "{function:?}: {error}, buckets of {widest}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_table_holds_its_function(mut seed in 1..u64::MAX, lo in -3f32..=0.0, hi in 0.5f32..4.0) {
        let samples = uniform((40, 6), lo..=hi, &mut seed);
        for method in METHODS {
            for_all(&samples, &mut seed, &method, tables_hold_their_functions);
        }
    }

    #[test]
    fn every_function_is_near_its_reals(mut seed in 1..u64::MAX, lo in -3f32..=0.0, hi in 0.5f32..4.0) {
        let samples = uniform((100, 6), lo..=hi, &mut seed);
        for_all(&samples, &mut seed, &Calibration::new(), results_are_near_the_reals);
    }
}

#[fhe_network(input(shape = [2], bits = 2))]
#[derive(Debug)]
struct Exponential {
    #[bits(weights = 3)]
    fc1: Dense<2, 1>,
    #[bits(output = 4)]
    exp: Exp,
    #[bits(weights = 4)]
    fc2: Dense<1, 1>,
}

#[fhe_network(input(shape = [2], bits = 2))]
#[derive(Debug)]
struct Squares {
    #[bits(weights = 3)]
    fc1: Dense<2, 1>,
    #[bits(output = 4)]
    square1: Square,
    #[bits(weights = 3)]
    fc2: Dense<1, 1>,
    #[bits(output = 4)]
    square2: Square,
    #[bits(weights = 4)]
    fc3: Dense<1, 1>,
}

#[test]
fn functions_that_overflow_on_a_sample_are_a_typed_error() {
    let samples = array![[0.0, 1.0], [1.0, 0.0]];
    // e^1000 is infinite, and so is the square of e^400
    for weight in [1000.0, 400.0] {
        let mut floats = Floats::new();
        insert(&mut floats, "fc1", array![[0.0, weight]], array![0.0]);
        insert(&mut floats, "fc2", array![[1.0]], array![0.0]);
        assert_eq!(
            Exponential::quantize(&floats, samples.view())
                .expect_err("infinite")
                .to_string(),
            "real values of `exp` or their squares are not finite on the samples"
        );
    }
    let mut floats = Floats::new();
    insert(&mut floats, "fc1", array![[1e38, 0.0]], array![0.0]);
    insert(&mut floats, "fc2", array![[1e38]], array![0.0]);
    insert(&mut floats, "fc3", array![[1.0]], array![0.0]);
    let error = Squares::quantize(&floats, samples.view()).expect_err("1e76, 1e114, 1e228");
    assert!(matches!(error, Error::RealNotFinite { layer } if layer == "square2"));
}

#[test]
fn an_infinity_in_a_table_is_its_greatest_result() {
    // e^300 is the greatest result on the samples; on other inputs it would be e^900
    let samples = array![[0.0, 0.0], [3.0, 3.0], [1.0, 0.0]];
    let mut floats = Floats::new();
    insert(&mut floats, "fc1", array![[300.0, -300.0]], array![0.0]);
    insert(&mut floats, "fc2", array![[1.0]], array![0.0]);
    let (network, _): (Exponential, _) = quantize(&floats, &samples);
    let scores = |input| network.run(input).expect("finite").integers()[0];
    let greatest = scores(&[1.0, 0.0]);
    assert!(greatest > scores(&[3.0, 3.0]));
    assert_eq!(scores(&[3.0, 0.0]), greatest);
    assert_eq!(scores(&[0.0, 3.0]), scores(&[3.0, 3.0]));
    let saved = Exponential::from_bytes(&network.to_bytes()).expect("its own file");
    assert_eq!(linears(&saved), linears(&network));
}
