//! Models inside of the program: what the compiler knows of them is what a run finds.

use fhe_nn_core::plan::{OutputPlan, Stage};
use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::Rounding;
use fhe_nn_core::{Planned, PlannedScores, PlannedStage};

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
    const BOOTSTRAPS: u32 = Both::PLAN.bootstraps;
    const LEVELS: u32 = Both::PLAN.stages[0].bootstrap.digits.levels;
    let plan = planned::<Both>(64.0);
    assert_eq!(BOOTSTRAPS, plan.bootstraps());
    assert_eq!(LEVELS, plan.stages[0].bootstrap.digits.levels);
    const { assert!(Both::PLAN.is_exact) };

    planned::<Deep>(128.0);
    let [exact, near] = Deep::PLAN.stages else {
        panic!("two stages: {:?}", Deep::PLAN);
    };
    assert!(!exact.rounds.is_empty() && exact.step_probability.is_none());
    assert_eq!(near.rounding, Rounding::Approximate);
    assert!(near.step_probability.is_some() && !Deep::PLAN.is_exact);
}

/// The plan that a network finds when it runs, which is the one of its constants.
fn planned<N: Embedded>(failure_bits: f64) -> Plan {
    let network = N::embedded();
    let options = Options {
        failure_bits,
        ..Options::default()
    };
    let plan = network
        .plan(&options)
        .expect("the compiler found parameters");
    assert_eq!(N::PLAN.plan(), plan);
    assert_eq!(N::PLAN.fingerprint, network.fingerprint());
    let Planned {
        bootstraps,
        log2_failure,
        is_exact,
        evaluation_key_bytes,
        evaluation_memory_bytes,
        request_bytes,
        reply_bytes,
        fingerprint,
        options,
        input,
        stages,
        scores,
        ..
    } = N::PLAN;
    assert_eq!(bootstraps, plan.bootstraps());
    assert_eq!(log2_failure, plan.log2_failure());
    assert_eq!(is_exact, plan.is_exact());
    assert_eq!(evaluation_key_bytes, plan.evaluation_key_bytes());
    assert_eq!(evaluation_memory_bytes, plan.evaluation_memory_bytes());
    assert_eq!(request_bytes, plan.request_bytes());
    assert_eq!(reply_bytes, plan.reply_bytes());
    assert_eq!(fingerprint, plan.model);
    assert_eq!(options, plan.options);
    assert_eq!(input, plan.input);
    let stages: Vec<Stage> = stages.iter().map(stage).collect();
    assert_eq!(stages, plan.stages);
    assert_eq!(output(scores), plan.output);
    plan
}

fn stage(planned: &PlannedStage) -> Stage {
    Stage {
        linear: planned.linear.to_owned(),
        lookup: planned.lookup.to_owned(),
        sources: planned.sources.to_vec(),
        terms: planned.terms,
        reader: planned.reader,
        width: planned.width,
        scale: planned.scale,
        table: planned.table,
        rounding: planned.rounding,
        modulus: planned.modulus,
        neurons: planned.neurons,
        phases: planned.phases,
        rounds: planned.rounds.to_vec(),
        bootstrap: planned.bootstrap,
        output_variance: planned.output_variance,
        table_variance: planned.table_variance,
        log2_failure: planned.log2_failure,
        step_probability: planned.step_probability,
    }
}

fn output(planned: PlannedScores) -> OutputPlan {
    OutputPlan {
        linear: planned.linear.to_owned(),
        sources: planned.sources.to_vec(),
        terms: planned.terms,
        scores: planned.scores,
        width: planned.width,
        scale: planned.scale,
        table: planned.table,
        rounding: planned.rounding,
        modulus: planned.modulus,
        keyswitch: planned.keyswitch,
        dimension: planned.dimension,
        element_bits: planned.element_bits,
        variance: planned.variance,
        log2_failure: planned.log2_failure,
    }
}
