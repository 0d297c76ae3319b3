//! Whatever the chain, what is found keeps what it promises.

use fhe_nn_proof::noise::{
    bootstrap_variance, keyswitch_variance, modulus_switch_variance, seeded_variance,
};
use fhe_nn_proof::plan::{Options, Plan, PlanError, Prefer};
use fhe_nn_proof::widths::Reader;
use proptest::prelude::*;

use crate::chain::{Chain, Layer, chain};
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
        let (program, options) = (chain.program(), Options { failure_bits, prefer });
        match Plan::find(&program, &options) {
            Ok(plan) => {
                check(&plan, &chain);
                prop_assert_eq!(Plan::find(&program, &options), Ok(plan));
            }
            Err(PlanError::NoParameters { layer, .. }) => {
                let names = (0..chain.hidden.len()).map(|i| format!("fc{i}"));
                prop_assert!(names.chain(["scores".to_owned()]).any(|name| name == layer));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn the_smallest_keys_are_never_larger_than_the_fastest(chain in chain(5, 12, 12.0)) {
        let find = |prefer| {
            let options = Options { prefer, ..Options::default() };
            Plan::find(&chain.program(), &options)
        };
        let (fastest, smallest) = (find(Prefer::Fastest), find(Prefer::SmallestKeys));
        prop_assert_eq!(fastest.is_ok(), smallest.is_ok());
        if let (Ok(fastest), Ok(smallest)) = (fastest, smallest) {
            prop_assert!(smallest.evaluation_key_bytes() <= fastest.evaluation_key_bytes());
        }
    }

    #[test]
    fn parameters_for_a_failure_keep_every_likelier_one(chain in chain(4, 12, 22.0)) {
        let program = chain.program();
        if Plan::find(&program, &Options::default()).is_ok() {
            let options = Options { failure_bits: 40.0, ..Options::default() };
            prop_assert!(Plan::find(&program, &options).is_ok());
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
            neurons: vec![(8, 1, 20.0); 2],
        },
    };
    let plan = Plan::find(&chain.program(), &Options::default()).expect("parameters exist");
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
    let bootstrapped = bootstrap_variance(stage.small_dimension, stage.shape, stage.digits);
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
