//! Whatever the chain, the plan that is found keeps its promises.

use fhe_nn_proof::noise::{
    bootstrap_variance, keyswitch_variance, log2_failure, modulus_switch_variance, pair_variance,
    seeded_variance,
};
use fhe_nn_proof::plan::{
    Accumulators, Bootstrap, Plan, PlanError, PlanOptions, Prefer, Tolerance,
};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;
use proptest::prelude::*;

use crate::chain::{Chain, Layer, chain, wide_chain};
use crate::recompute::check;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_is_found_keeps_every_constraint(
        chain in chain(4, 20, 22.0),
        failure_bits in 20.0f64..140.0,
        smallest: bool,
    ) {
        let prefer = if smallest { Prefer::SmallestKeys } else { Prefer::Fastest };
        let (requirements, options) = (chain.requirements(), PlanOptions::new().with_failure_bits(failure_bits).with_prefer(prefer));
        match Plan::find(&requirements, &options) {
            Ok(plan) => {
                check(&plan, &chain);
                prop_assert_eq!(Plan::find(&requirements, &options), Ok(plan));
            }
            Err(PlanError::NoParameters { layer, .. }) => {
                let names = (0..chain.hidden.len()).map(|i| format!("fc{i}"));
                prop_assert!(names.chain(["scores".to_owned()]).any(|name| name == layer));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn wide_accumulators_keep_every_constraint(
        chain in wide_chain(3),
        failure_bits in 20.0f64..140.0,
        smallest: bool,
    ) {
        let prefer = if smallest { Prefer::SmallestKeys } else { Prefer::Fastest };
        let (requirements, options) = (chain.requirements(), PlanOptions::new().with_failure_bits(failure_bits).with_prefer(prefer));
        if let Ok(plan) = Plan::find(&requirements, &options) {
            check(&plan, &chain);
            let removes = chain.hidden.iter().map(|layer| {
                let exact = layer.rounding == Rounding::Exact;
                let bits = |&(width, step_bits, _): &(u32, u32, f64)| {
                    width.saturating_sub(layer.table.max(step_bits.min(width)))
                };
                layer.neurons.iter().map(bits).max().filter(|_| exact).unwrap_or(0)
            });
            for (stage, most) in plan.stages.iter().zip(removes) {
                // a bit that a table reads, or that is known, is not removed
                prop_assert!(stage.rounds.len() <= most.div_ceil(4) as usize);
            }
            prop_assert_eq!(Plan::find(&requirements, &options), Ok(plan));
        }
    }

    #[test]
    fn the_smallest_keys_are_never_larger_than_the_fastest(chain in chain(5, 12, 12.0)) {
        let find = |prefer| {
            let options = PlanOptions::new().with_prefer(prefer);
            Plan::find(&chain.requirements(), &options)
        };
        let (fastest, smallest) = (find(Prefer::Fastest), find(Prefer::SmallestKeys));
        prop_assert_eq!(fastest.is_ok(), smallest.is_ok());
        if let (Ok(fastest), Ok(smallest)) = (fastest, smallest) {
            prop_assert!(smallest.evaluation_key_bytes() <= fastest.evaluation_key_bytes());
        }
    }

    #[test]
    fn parameters_for_a_failure_keep_every_likelier_one(chain in chain(4, 12, 22.0)) {
        let requirements = chain.requirements();
        if Plan::find(&requirements, &PlanOptions::default()).is_ok() {
            let options = PlanOptions::new().with_failure_bits(40.0);
            prop_assert!(Plan::find(&requirements, &options).is_ok());
        }
    }
}

#[test]
fn the_failure_of_a_small_network() {
    let chain = Chain {
        inputs: 4,
        hidden: vec![Layer::alike(Reader::Antiperiodic, 3, 5, 100.0)],
        last: Layer {
            reader: Reader::Client,
            table: Reader::Client.max_width(),
            rounding: Rounding::Exact,
            neurons: vec![(8, 1, 20.0); 2],
        },
    };
    let plan =
        Plan::find(&chain.requirements(), &PlanOptions::default()).expect("parameters exist");
    // log2 erfc x by its asymptotic series, for half steps of 2^-6 and, a lattice of every second
    // value, 2^-8
    let tail = |half_step: f64, variance: f64| {
        let x = half_step / (2.0 * variance).sqrt();
        let series = 1.0 - 1.0 / (2.0 * x * x) + 3.0 / (4.0 * x.powi(4));
        (series / (x * std::f64::consts::PI.sqrt())).log2() - x * x * std::f64::consts::LOG2_E
    };
    // inputs come under the small key, of 64 bits, and scores under one of their own, of 32
    let (stage, output) = (&plan.stages[0].bootstrap, &plan.output);
    assert_eq!(stage.keyswitch, None);
    let fresh = seeded_variance(stage.small_dimension, 64);
    let table_bits = stage.table_size().ilog2() + 1;
    let switched = modulus_switch_variance(stage.small_dimension, 64, table_bits);
    let tables = 3f64.log2() + tail(2f64.powi(-6), 100.0 * fresh + switched);
    let bootstrapped = match stage.key_bits {
        1 => bootstrap_variance(stage.small_dimension, stage.shape, stage.product_digits()),
        _ => pair_variance(stage.small_dimension, stage.shape, stage.product_digits()),
    };
    let digits = output
        .keyswitch
        .expect("a key for scores makes the reply smaller");
    let switched = keyswitch_variance(stage.shape.lwe_dimension(), output.dimension, digits)
        + modulus_switch_variance(output.dimension, 32, output.element_bits);
    let scores = 1.0 + tail(2f64.powi(-8), 20.0 * bootstrapped + switched);
    let by_hand = (tables.exp2() + scores.exp2()).log2();
    let found = plan.log2_failure();
    assert!((found - by_hand).abs() < 1e-3, "{found} {by_hand}");
    assert!(found < -126.0 && found > -140.0);
}

/// Accumulators of 9 bits, none of them known, whose top 3 a padded table reads: two rounds, of 4 and of
/// 2 bits, with two bootstraps each.
#[test]
fn the_failure_of_a_small_network_with_exact_rounding() {
    let hidden = Layer {
        table: 3,
        ..Layer::alike(Reader::Padded, 5, 9, 40.0)
    };
    let chain = Chain {
        inputs: 7,
        hidden: vec![hidden],
        last: Layer::alike(Reader::Client, 2, 6, 11.0),
    };
    let plan =
        Plan::find(&chain.requirements(), &PlanOptions::default()).expect("parameters exist");
    let stage = &plan.stages[0];
    let [low, high] = &stage.rounds[..] else {
        panic!("{plan}");
    };
    // the circle holds 10 bits: 4 that the table reads, 4 of the upper digit and 2 of the lower
    assert_eq!(
        (low.above, high.above, low.bootstraps, high.bootstraps),
        (8, 4, 10, 10)
    );
    assert_eq!(plan.bootstraps(), 25);
    let fresh = 40.0 * seeded_variance(plan.input.dimension, 64);
    let from = plan.input.dimension;
    let (of_low, of_high) = (
        low.bootstrap.result_variance(),
        high.bootstrap.result_variance(),
    );
    let fails = |half_step: f64, noise: f64, scale: f64, bootstrap: &Bootstrap| {
        let variance = scale * scale * noise + bootstrap.switch_variance(from);
        5.0 * log2_failure(half_step, variance).exp2()
    };
    let terms = [
        // the upper bit of 2, then the other, 2^8 times as large; then 4 bits, 2^4 times; then 4 bits
        fails(2f64.powi(-3), fresh, 256.0, &low.bootstrap),
        fails(2f64.powi(-3), fresh + of_low, 256.0, &low.bootstrap),
        fails(2f64.powi(-5), fresh + 2.0 * of_low, 16.0, &high.bootstrap),
        fails(
            2f64.powi(-5),
            fresh + 2.0 * of_low + of_high,
            16.0,
            &high.bootstrap,
        ),
        fails(
            2f64.powi(-5),
            fresh + 2.0 * (of_low + of_high),
            1.0,
            &stage.bootstrap,
        ),
        plan.output.log2_failure.exp2(),
    ];
    let by_hand = terms.iter().sum::<f64>().log2();
    let found = plan.log2_failure();
    assert!((found - by_hand).abs() < 1e-6, "{found} {by_hand}");
    assert!(found < -123.0, "{found}");
    let statement = format!("except with probability at most 2^{found:.1} per inference");
    assert!(plan.to_string().ends_with(&statement), "{plan}");
}

/// Approximate rounding reads 9 bits by their top 3, with a guard of 3 steps beyond either end: 8 steps of
/// 14 in half of the torus.
#[test]
fn approximate_rounding_states_how_likely_values_move() {
    let layer = Accumulators::new(
        "fc".to_owned(),
        vec![0],
        Reader::Padded,
        7,
        [(9, 0, 40.0); 5],
    );
    let layer = layer.read_by(3, Rounding::Approximate);
    assert_eq!(layer.sums.modulus, 28 * 64);
    assert!(layer.rounds().is_empty());
    let chain = Chain {
        inputs: 7,
        hidden: vec![Layer::alike(Reader::Padded, 5, 3, 40.0)],
        last: Layer::alike(Reader::Client, 2, 6, 11.0),
    };
    let mut requirements = chain.requirements();
    requirements.stages[0].accumulators = layer;
    requirements.output = requirements.output.read_by(4, Rounding::Approximate);
    let plan = Plan::find(&requirements, &PlanOptions::default()).expect("parameters exist");
    assert!(plan.serves(&requirements) && !plan.is_exact());
    let stage = &plan.stages[0];
    let noise = 40.0 * seeded_variance(plan.input.dimension, 64)
        + stage.bootstrap.switch_variance(plan.input.dimension);
    let step = 1.0 / 28.0;
    assert!(noise.sqrt() <= step / 6.0);
    // a step boundary is crossed by the mean of the noise's absolute value, in steps, if accumulators
    // may lie anywhere: 64 places are as good as that
    let moved = (2.0 * noise / std::f64::consts::PI).sqrt() / step;
    let stated = stage.step_probability.expect("it rounds approximately");
    assert!((stated / moved - 1.0).abs() < 1e-3, "{stated} {moved}");
    let guard = 5f64.log2() + log2_failure(3.0 * step, noise);
    assert!((stage.log2_failure - guard).abs() < 1e-6);
    let shown = plan.to_string();
    assert!(
        shown.contains("approximate: encrypted differs from clear"),
        "{shown}"
    );
    assert!(
        shown.contains("a value moves by one step with probability"),
        "{shown}"
    );
}

/// All accumulators of a layer have the guard of the widest: 3 of its steps, whatever their own steps are.
#[test]
fn a_narrow_accumulator_has_no_wider_guard() {
    let neurons = [(9, 0, 64.0), (2, 0, 1.0)];
    let layer = Accumulators::new("fc".to_owned(), vec![0], Reader::Padded, 64, neurons);
    let layer = layer.read_by(6, Rounding::Approximate);
    let steps = layer.sums.modulus as f64;
    assert_eq!(layer.sums.modulus, 1024 + 12 * 8);
    let narrow = layer
        .constraints()
        .next()
        .expect("the narrower comes first");
    let guard = 3.0 * 8.0 / steps;
    let expected = Tolerance::Step {
        step: 128.0 / steps,
        guard,
        place_bits: 0,
    };
    assert_eq!(narrow.tolerance, expected);
    // of the noise, 13 deviations fit the guard, not 6 a step
    let z = 13.0;
    assert_eq!(narrow.budget(z), (guard / z) * (guard / z));
    // integers that are read whole lie in the middle of their step: 3 deviations from its ends
    let noise = (128.0 / steps / 6.0).powi(2);
    let moved = narrow.step_probability(0.0, noise);
    assert!((moved - 0.0027).abs() < 1e-5, "{moved}");
}
