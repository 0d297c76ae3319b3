//! Models inside of the program: what the compiler knows of them is what a run finds.

use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::Rounding;

#[fhe_network(
    input(shape = [2], bits = 1),
    weights = "../../tests/ui/weights/models/good.safetensors",
    failure = 64
)]
struct Both {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 1)]
    both: Relu,
    #[bits(weights = 4, accumulator = 3)]
    scores: Dense<1, 2>,
}

/// With all that a plan can have: rounds, and values that move by a step.
#[fhe_network(
    input(shape = [2], bits = 1),
    weights = "../../tests/ui/weights/models/deep.safetensors"
)]
struct Deep {
    #[bits(weights = 8)]
    sum: Dense<2, 2>,
    #[bits(output = 2, table = 4)]
    exact: Relu,
    #[bits(weights = 8)]
    next: Dense<2, 1>,
    #[bits(output = 1, table = 3, rounding = approximate)]
    near: Relu,
    #[bits(weights = 4)]
    scores: Dense<1, 2>,
}

#[test]
fn an_embedded_model_runs() {
    let network = Both::embedded();
    let on = |input: [f32; 2]| network.run(&input).expect("two values").integers().to_vec();
    assert_eq!(on([1.0, 1.0]), [1, -2]);
    assert_eq!(on([1.0, 0.0]), [0, 0]);
}

#[test]
fn every_constant_is_that_of_the_plan() {
    const BOOTSTRAPS: u32 = Both::PLAN.bootstraps();
    const DIMENSION: u32 = Both::PLAN.input.dimension;
    let plan = planned::<Both>(64.0);
    assert_eq!(BOOTSTRAPS, plan.bootstraps());
    assert_eq!(DIMENSION, plan.input.dimension);
    const { assert!(Both::PLAN.is_exact()) };

    planned::<Deep>(128.0);
    let [exact, near] = &*Deep::PLAN.stages else {
        panic!("two stages: {:?}", Deep::PLAN);
    };
    assert!(!exact.rounds.is_empty() && exact.step_probability.is_none());
    assert_eq!(near.sums.rounding, Rounding::Approximate);
    assert!(near.step_probability.is_some() && !Deep::PLAN.is_exact());
}

/// The plan that a network finds when it runs, which is the one of its constant: in every number, and
/// as it is stored.
fn planned<N: Embedded>(failure_bits: f64) -> Plan {
    let network = N::embedded();
    let options = PlanOptions::new().with_failure_bits(failure_bits);
    let plan = network
        .plan(&options)
        .expect("the compiler found parameters");
    assert_eq!(*N::PLAN, plan);
    assert_eq!(N::PLAN.fingerprint(), plan.fingerprint());
    assert_eq!(N::PLAN.model, network.fingerprint());
    plan
}
