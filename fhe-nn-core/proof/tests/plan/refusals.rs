//! Programs without parameters, and plans that nobody should run.

use fhe_nn_proof::noise::Decomposition;
use fhe_nn_proof::plan::{Options, Plan, PlanError};
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

#[test]
fn a_demand_beyond_all_parameters_names_its_layer() {
    let chain = Chain {
        inputs: 9,
        hidden: vec![
            Layer::alike(Reader::Padded, 1, 3, 9.0),
            Layer::alike(Reader::Padded, 1, 8, 1e12),
        ],
        last: Layer::alike(Reader::Client, 1, 8, 9.0),
    };
    let error =
        Plan::find(&chain.program(), &Options::default()).expect_err("a 2-norm of a million");
    let expected =
        matches!(&error, PlanError::NoParameters { layer, bits: 8, .. } if layer == "fc1");
    assert!(expected, "{error}");
}

#[test]
fn more_stages_than_a_plan_may_have_are_refused() {
    let chain = Chain {
        inputs: 9,
        hidden: vec![Layer::alike(Reader::Padded, 1, 3, 9.0); 65],
        last: Layer::alike(Reader::Client, 1, 8, 9.0),
    };
    let error = Plan::find(&chain.program(), &Options::default()).expect_err("65 stages");
    assert_eq!(
        error.to_string(),
        "plan has stages 65, but 0 to 64 are allowed"
    );
}

/// A plan from outside is shown before anybody validates it.
#[test]
fn a_plan_of_any_numbers_prints() {
    let mut plan = shared();
    plan.client.inputs = usize::MAX;
    plan.input.dimension = u32::MAX;
    for stage in &mut plan.stages {
        stage.bootstraps = u32::MAX;
        stage.small_dimension = u32::MAX;
        stage.shape.dimension = u32::MAX;
        stage.shape.polynomial_size = u32::MAX;
        stage.digits.levels = u32::MAX;
        stage.keyswitch = Some(stage.digits);
        stage.shares_key = false;
    }
    plan.output.scores = u32::MAX;
    plan.output.dimension = u32::MAX;
    plan.output.element_bits = u32::MAX;
    assert_eq!(plan.bootstraps(), u32::MAX);
    assert_eq!(plan.evaluation_key_bytes(), u64::MAX);
    assert!(plan.to_string().contains("evaluation key"));
    assert!(plan.validate().is_err());
}

#[test]
fn every_field_of_a_plan_is_checked() {
    let refused = |what: &str, change: fn(&mut Plan)| {
        let mut plan = shared();
        change(&mut plan);
        match plan.validate() {
            Err(PlanError::OutOfRange { what: named, .. }) => assert_eq!(named, what),
            other => panic!("{what}: {other:?}"),
        }
    };
    refused("shared keys of other parameters", |plan| {
        plan.stages[0].shares_key = true
    });
    refused("shared keys of other parameters", |plan| {
        plan.stages[2].small_dimension += 1
    });
    refused("shared keys of other parameters", |plan| {
        plan.stages[3].digits.base_log -= 1
    });
    refused("shared keys of other parameters", |plan| {
        plan.stages[3].shape.polynomial_size = 2048
    });
    refused("shared keys of other parameters", |plan| {
        // stages 2 and 3 have one keyswitching key
        plan.stages[3].keyswitch = Some(Decomposition {
            base_log: 2,
            levels: 2,
        });
    });
    refused("missing keyswitches", |plan| {
        plan.stages[2].keyswitch = None
    });
    refused("bits of a level", |plan| {
        plan.stages[1].keyswitch = Some(Decomposition {
            base_log: 16,
            levels: 2,
        });
    });
    refused("levels", |plan| {
        plan.stages[1].keyswitch = Some(Decomposition {
            base_log: 1,
            levels: 13,
        });
    });
    refused("levels", |plan| plan.stages[1].digits.levels = 0);
    refused("small dimension", |plan| {
        plan.stages[1].small_dimension = 499
    });
    refused("GLWE shapes of this crate", |plan| {
        plan.stages[1].shape.polynomial_size = 512
    });
    refused("input dimension", |plan| plan.input.dimension += 1);
    refused("bits of an element", |plan| plan.output.element_bits = 0);
    refused("bits of an element", |plan| plan.output.element_bits = 33);
    refused("output dimension", |plan| plan.output.dimension = 1601);
    refused("output dimension", |plan| plan.output.keyswitch = None);
    refused("bits of a level", |plan| {
        plan.output.keyswitch = Some(Decomposition {
            base_log: 32,
            levels: 1,
        });
    });
    refused("bits of an element", |plan| {
        (plan.output.keyswitch, plan.output.dimension) = (None, plan.last_dimension());
        plan.output.element_bits = 65;
    });
    refused("width of scores", |plan| plan.output.width = 21);
    refused("score bits", |plan| plan.output.width = 11);
    refused("phases", |plan| plan.stages[1].phases = 0);
}

/// A plan of which stages 2 and 3 share the keys of stage 1, with a key for scores.
fn shared() -> Plan {
    let chain = Chain {
        inputs: 784,
        hidden: vec![Layer::alike(Reader::Padded, 64, 5, 300.0); 5],
        last: Layer::alike(Reader::Client, 10, 12, 300.0),
    };
    let plan = Plan::find(&chain.program(), &Options::default()).expect("parameters exist");
    assert_eq!(plan.validate(), Ok(()));
    assert!(plan.shares_keyswitch(3) && plan.output.keyswitch.is_some());
    plan
}
