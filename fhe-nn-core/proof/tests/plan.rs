//! The laws of plans: whatever the program, what is found keeps every constraint, recomputed here
//! from the printed parameters alone.

use std::time::Instant;

use fhe_nn_proof::client::{Affine, ClientSpec, Line};
use fhe_nn_proof::noise::{
    bootstrap_variance, keyswitch_variance, log2_failure, log2_sum, modulus_switch_variance,
    seeded_variance,
};
use fhe_nn_proof::plan::{Accumulators, Options, Plan, PlanError, Program, StageDemand};
use fhe_nn_proof::widths::{Lattice, Reader};
use proptest::prelude::*;

/// Neurons as width, step bits and gain.
type Neurons = Vec<(u32, u32, f64)>;

#[derive(Debug, Clone)]
struct Layer {
    reader: Reader,
    inputs: u32,
    neurons: Neurons,
}

fn program(hidden: &[Layer], last: &Layer) -> Program {
    let accumulators = |name: String, layer: &Layer| {
        Accumulators::new(
            name,
            layer.reader,
            layer.inputs,
            layer.neurons.iter().copied(),
        )
    };
    let stages = hidden.iter().enumerate().map(|(i, layer)| StageDemand {
        accumulators: accumulators(format!("fc{i}"), layer),
        lookup: format!("act{i}"),
        phases: 1,
    });
    let scores = last.neurons.len();
    Program {
        client: ClientSpec {
            network: "Chain".to_owned(),
            inputs: hidden.first().unwrap_or(last).inputs as usize,
            input_bits: 1,
            encoder: Affine {
                scale: 1.0,
                zero_point: 0,
            },
            widths: last.neurons.iter().map(|neuron| neuron.0).collect(),
            lattices: vec![
                Lattice {
                    step_bits: 0,
                    offset: 0
                };
                scores
            ],
            decoder: vec![
                Line {
                    slope: 1.0,
                    offset: 0.0
                };
                scores
            ],
        },
        stages: stages.collect(),
        output: accumulators("scores".to_owned(), last),
        model: [7; 32],
    }
}

/// Of all neurons of a layer: the logarithm of the probability that one is read wrong, and the
/// greatest standard deviation in half steps.
fn read(layer: &Layer, input: f64, added: f64) -> (f64, f64) {
    let widest = layer
        .neurons
        .iter()
        .map(|neuron| neuron.0)
        .max()
        .expect("a layer has neurons");
    // what find() sees: of neurons alike, the greatest gain
    let gain = |width, step_bits| {
        let alike = layer
            .neurons
            .iter()
            .filter(|n| (n.0, n.1) == (width, step_bits));
        alike.map(|n| n.2).fold(0.0, f64::max)
    };
    let each: Vec<(f64, f64)> = layer
        .neurons
        .iter()
        .map(|&(width, step_bits, _)| {
            let padding = u32::from(layer.reader == Reader::Padded);
            let half_step = 2f64.powi(step_bits as i32 - (width + padding) as i32 - 1);
            let factor = 4f64.powi((widest - width) as i32);
            let variance = factor * gain(width, step_bits) * input + added;
            (
                log2_failure(half_step, variance),
                variance.sqrt() / half_step,
            )
        })
        .collect();
    let worst = each.iter().map(|one| one.1).fold(0.0, f64::max);
    (log2_sum(each.into_iter().map(|one| one.0)), worst)
}

/// Recomputes everything that a plan promises.
fn check(plan: &Plan, hidden: &[Layer], last: &Layer) {
    let options = plan.options;
    let mut total = Vec::new();
    let (mut dimension, mut variance) = (
        plan.input.dimension,
        seeded_variance(plan.input.dimension, 64),
    );
    assert_eq!(plan.stages.len(), hidden.len());
    for (stage, layer) in plan.stages.iter().zip(hidden) {
        let n = stage.small_dimension;
        let (switched, bits) = match stage.keyswitch {
            Some(digits) => (keyswitch_variance(dimension, n, digits), 32),
            None => {
                assert_eq!(dimension, n, "inputs come under the small key");
                (0.0, 64)
            }
        };
        let table_bits = stage.shape.polynomial_size.ilog2() + 1;
        let added = switched + modulus_switch_variance(n, bits, table_bits);
        let (failure, worst) = read(layer, variance, added);
        close(stage.log2_failure, failure);
        holds(worst, &options);
        // a step is a whole number of coefficients, and at least two
        let padding = u32::from(stage.reader == Reader::Padded);
        assert!(stage.shape.polynomial_size >> (stage.width + padding) >= 1);
        total.push(failure);
        variance = bootstrap_variance(n, stage.shape, stage.digits);
        close(stage.output_variance.log2(), variance.log2());
        dimension = stage.shape.lwe_dimension();
    }
    let output = &plan.output;
    let (switched, bits) = match output.keyswitch {
        Some(digits) => (keyswitch_variance(dimension, output.dimension, digits), 32),
        None => {
            assert_eq!(output.dimension, dimension);
            (0.0, 64)
        }
    };
    let added = switched + modulus_switch_variance(output.dimension, bits, output.element_bits);
    let (failure, worst) = read(last, variance, added);
    close(plan.output.log2_failure, failure);
    holds(worst, &options);
    close(
        plan.log2_failure(),
        log2_sum(total.into_iter().chain([failure])),
    );
}

/// Each table and each output alone keeps the failure asked for.
fn holds(deviation_in_half_steps: f64, options: &Options) {
    let failure = log2_failure(1.0, deviation_in_half_steps.powi(2));
    assert!(failure <= -options.failure_bits + 1e-6, "{failure}");
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} is not {b}");
}

fn layer(reader: Reader, widths: core::ops::Range<u32>) -> impl Strategy<Value = Layer> {
    let neuron = (widths, 0u32..3, 0.0f64..22.0)
        .prop_map(|(width, step_bits, log)| (width, step_bits.min(width - 1), log.exp2()));
    (1u32..800, prop::collection::vec(neuron, 1..6)).prop_map(move |(inputs, neurons)| Layer {
        reader,
        inputs,
        neurons,
    })
}

fn hidden() -> impl Strategy<Value = Vec<Layer>> {
    let any = prop_oneof![
        layer(Reader::Padded, 2..7),
        layer(Reader::Antiperiodic, 2..8)
    ];
    prop::collection::vec(any, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_is_found_keeps_every_constraint(
        hidden in hidden(),
        last in layer(Reader::Client, 3..20),
        failure_bits in 20.0f64..140.0,
    ) {
        let (program, options) = (program(&hidden, &last), Options { failure_bits, ..Options::default() });
        match Plan::find(&program, &options) {
            Ok(plan) => {
                check(&plan, &hidden, &last);
                prop_assert_eq!(plan.validate(), Ok(()));
                prop_assert!(plan.serves(&program));
                prop_assert_eq!(Plan::find(&program, &options), Ok(plan));
            }
            Err(PlanError::NoParameters { layer, .. }) => {
                let names = (0..hidden.len()).map(|i| format!("fc{i}"));
                prop_assert!(names.chain(["scores".to_owned()]).any(|name| name == layer));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn parameters_for_a_failure_keep_every_likelier_one(
        hidden in hidden(),
        last in layer(Reader::Client, 3..12),
    ) {
        let program = program(&hidden, &last);
        if Plan::find(&program, &Options::default()).is_ok() {
            let likelier = Plan::find(&program, &Options { failure_bits: 40.0, ..Options::default() });
            prop_assert!(likelier.is_ok());
        }
    }
}

#[test]
fn the_failure_of_a_small_network() {
    let hidden = [Layer {
        reader: Reader::Antiperiodic,
        inputs: 4,
        neurons: vec![(5, 0, 100.0); 3],
    }];
    let last = Layer {
        reader: Reader::Client,
        inputs: 3,
        neurons: vec![(8, 1, 20.0); 2],
    };
    let plan = Plan::find(&program(&hidden, &last), &Options::default()).expect("parameters exist");
    // log2 erfc x by its asymptotic series, for half steps of 2^-6 and, a lattice of every second
    // value, 2^-8
    let tail = |half_step: f64, variance: f64| {
        let x = half_step / (2.0 * variance).sqrt();
        let series = 1.0 - 1.0 / (2.0 * x * x) + 3.0 / (4.0 * x.powi(4));
        (series / (x * std::f64::consts::PI.sqrt())).log2() - x * x * std::f64::consts::LOG2_E
    };
    let stage = &plan.stages[0];
    let fresh = seeded_variance(plan.input.dimension, 64);
    let added = stage.keyswitch.map_or(0.0, |digits| {
        keyswitch_variance(plan.input.dimension, stage.small_dimension, digits)
    });
    let bits = if stage.keyswitch.is_some() { 32 } else { 64 };
    let table_bits = stage.shape.polynomial_size.ilog2() + 1;
    let switched = modulus_switch_variance(stage.small_dimension, bits, table_bits);
    let tables = 3f64.log2() + tail(2f64.powi(-6), 100.0 * fresh + added + switched);
    let bootstrapped = bootstrap_variance(stage.small_dimension, stage.shape, stage.digits);
    let output = &plan.output;
    let digits = output
        .keyswitch
        .expect("a key for scores makes the reply smaller");
    let last = stage.shape.lwe_dimension();
    let switched = keyswitch_variance(last, output.dimension, digits)
        + modulus_switch_variance(output.dimension, 32, output.element_bits);
    let scores = 1.0 + tail(2f64.powi(-8), 20.0 * bootstrapped + switched);
    let by_hand = (tables.exp2() + scores.exp2()).log2();
    assert!(
        (plan.log2_failure() - by_hand).abs() < 1e-3,
        "{} {by_hand}",
        plan.log2_failure()
    );
    assert!(plan.log2_failure() < -126.0 && plan.log2_failure() > -140.0);
}

#[test]
fn deep_chains_keep_every_constraint() {
    let wide = |reader, width: u32| Layer {
        reader,
        inputs: 784,
        neurons: (0..64).map(|j| (width - j % 2, 0, 300.0)).collect(),
    };
    let last = wide(Reader::Client, 12);
    for depth in [0, 1, 2, 3, 5, 10, 20] {
        let hidden: Vec<Layer> = (0..depth).map(|_| wide(Reader::Padded, 5)).collect();
        let program = program(&hidden, &last);
        let start = Instant::now();
        let plan = Plan::find(&program, &Options::default()).expect("parameters exist");
        println!("{depth} stages: {:?}\n{plan}\n", start.elapsed());
        check(&plan, &hidden, &last);
    }
}

#[test]
fn a_demand_beyond_all_parameters_names_its_layer() {
    let tame = Layer {
        reader: Reader::Padded,
        inputs: 9,
        neurons: vec![(3, 0, 9.0)],
    };
    let wild = Layer {
        reader: Reader::Padded,
        inputs: 9,
        neurons: vec![(8, 0, 1e12)],
    };
    let last = Layer {
        reader: Reader::Client,
        inputs: 9,
        neurons: vec![(8, 0, 9.0)],
    };
    let program = program(&[tame, wild], &last);
    let error = Plan::find(&program, &Options::default()).expect_err("a 2-norm of a million");
    let expected =
        matches!(&error, PlanError::NoParameters { layer, bits: 8, .. } if layer == "fc1");
    assert!(expected, "{error}");
}
