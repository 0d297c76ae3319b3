//! Networks without parameters, and plans that nobody should run.

use fhe_nn_proof::noise::Decomposition;
use fhe_nn_proof::plan::{Plan, PlanError, PlanOptions, Round, Version};
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
    let error = Plan::find(&chain.requirements(), &PlanOptions::default())
        .expect_err("a 2-norm of a million");
    let expected =
        matches!(&error, PlanError::NoParameters { layer, bits: 8, .. } if layer == "fc1");
    assert!(expected, "{error}");
}

#[test]
fn more_stages_than_a_plan_may_have_are_refused() {
    let chain = Chain {
        inputs: 9,
        hidden: vec![Layer::alike(Reader::Padded, 1, 3, 9.0); 129],
        last: Layer::alike(Reader::Client, 1, 8, 9.0),
    };
    let error = Plan::find(&chain.requirements(), &PlanOptions::default()).expect_err("129 stages");
    assert_eq!(
        error.to_string(),
        "plan has stages 129, but 0 to 128 are allowed"
    );
}

/// A plan from outside may be printed before it is validated.
#[test]
fn a_plan_of_any_numbers_prints() {
    let mut plan = shared();
    plan.client.inputs = usize::MAX;
    plan.input.dimension = u32::MAX;
    for stage in plan.stages.to_mut() {
        stage.sums.neurons = u32::MAX;
        let bootstrap = &mut stage.bootstrap;
        bootstrap.small_dimension = u32::MAX;
        bootstrap.shape.dimension = u32::MAX;
        bootstrap.shape.polynomial_size = u32::MAX;
        bootstrap.extension = u32::MAX;
        bootstrap.digits.levels = u32::MAX;
        bootstrap.keyswitch = Some(bootstrap.digits);
        stage.rounds = vec![
            Round {
                above: u32::MAX,
                neurons: u32::MAX,
                bootstraps: u32::MAX,
                bootstrap: *bootstrap,
            };
            2
        ]
        .into();
    }
    plan.output.sums.neurons = u32::MAX;
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
    refused("missing keyswitches", |plan| {
        plan.stages.to_mut()[2].bootstrap.keyswitch = None
    });
    refused("bits of a level", |plan| {
        plan.stages.to_mut()[1].bootstrap.keyswitch = Some(Decomposition {
            base_log: 16,
            levels: 2,
        });
    });
    refused("levels", |plan| {
        plan.stages.to_mut()[1].bootstrap.keyswitch = Some(Decomposition {
            base_log: 1,
            levels: 13,
        });
    });
    refused("levels", |plan| {
        plan.stages.to_mut()[1].bootstrap.digits.levels = 0
    });
    refused("small dimension", |plan| {
        plan.stages.to_mut()[1].bootstrap.small_dimension = 499
    });
    refused("GLWE shapes of this crate", |plan| {
        plan.stages.to_mut()[1].bootstrap.shape.polynomial_size = 512
    });
    refused("key bits of a step", |plan| {
        plan.stages.to_mut()[1].bootstrap.key_bits = 3;
    });
    refused("parts that its version does not have", |plan| {
        plan.version = Version::Second;
        plan.stages.to_mut()[1].bootstrap.key_bits = 2;
    });
    refused("parts that its version does not have", |plan| {
        plan.version = Version::Second;
        let bootstrap = &mut plan.stages.to_mut()[1].bootstrap;
        bootstrap.body = Some(bootstrap.digits);
    });
    refused("levels", |plan| {
        let bootstrap = &mut plan.stages.to_mut()[1].bootstrap;
        bootstrap.body = Some(Decomposition {
            base_log: 1,
            levels: bootstrap.digits.levels + 1,
        });
    });
    refused("digits of bodies that are those of masks", |plan| {
        let bootstrap = &mut plan.stages.to_mut()[1].bootstrap;
        bootstrap.body = Some(bootstrap.digits);
    });
    refused("companion", |plan| {
        plan.stages.to_mut()[1].bootstrap.companion = 17
    });
    refused("companion", |plan| {
        // tables of one polynomial
        let bootstrap = &mut plan.stages.to_mut()[1].bootstrap;
        (bootstrap.extension, bootstrap.companion) = (1, 1);
    });
    refused("parts that its version does not have", |plan| {
        plan.version = Version::Third;
        plan.stages.to_mut()[1].bootstrap.companion = 1;
    });
    refused("bytes of evaluation keys", |plan| {
        plan.version = Version::Fourth;
        let memory = plan.evaluation_memory_bytes();
        plan.options = plan.options.with_memory_limit(memory - 1);
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
    refused("extensions of this crate", |plan| {
        plan.stages.to_mut()[1].bootstrap.extension = 3
    });
    refused("steps of the torus", |plan| {
        plan.stages.to_mut()[1].sums.modulus = 63
    });
    refused("steps of the torus", |plan| {
        plan.output.sums.modulus = 1 << 15
    });
    refused("bits of a table", |plan| {
        plan.stages.to_mut()[1].sums.table_bits = 9
    });
    refused("coefficients of a step", |plan| {
        let sums = &mut plan.stages.to_mut()[1].sums;
        (sums.width, sums.step_width) = (20, 20);
        plan.stages.to_mut()[1].sums.modulus = 1 << 21;
        plan.stages.to_mut()[1].bootstrap.shape.polynomial_size = 128;
        plan.stages.to_mut()[1].sums.table_bits = 8;
    });
    refused("dimension of a round", |plan| {
        let mut bootstrap = plan.stages[0].bootstrap;
        bootstrap.keyswitch = plan.stages[1].bootstrap.keyswitch;
        plan.stages.to_mut()[0].rounds = vec![Round {
            above: 7,
            neurons: 64,
            bootstraps: 128,
            bootstrap,
        }]
        .into();
    });
    refused("missing keyswitches", |plan| {
        let mut bootstrap = plan.stages[1].bootstrap;
        bootstrap.keyswitch = None;
        plan.stages.to_mut()[1].rounds = vec![Round {
            above: 7,
            neurons: 64,
            bootstraps: 128,
            bootstrap,
        }]
        .into();
    });
    refused("bootstraps of a round", |plan| {
        let bootstrap = plan.stages[1].bootstrap;
        plan.stages.to_mut()[1].rounds = vec![Round {
            above: 7,
            neurons: 64,
            bootstraps: 129,
            bootstrap,
        }]
        .into();
    });
    refused("width of scores", |plan| plan.output.sums.width = 21);
    refused("score bits", |plan| {
        (plan.output.sums.width, plan.output.sums.step_width) = (11, 11);
        plan.output.sums.modulus = 1 << 11;
    });
    refused("step width", |plan| plan.output.sums.step_width = 0);
    refused("sources of a sum", |plan| {
        plan.output.sums.sources = vec![].into()
    });
    refused("source of a sum", |plan| {
        plan.stages.to_mut()[1].sums.sources = vec![2].into()
    });
    refused("source of a sum", |plan| {
        plan.stages.to_mut()[1].sums.sources = vec![1, 1].into()
    });
    refused("dimension of a source", |plan| {
        plan.stages.to_mut()[1].sums.sources = vec![0, 1].into();
    });
    refused("stages that nothing reads", |plan| {
        plan.output.sums.sources = vec![1].into()
    });
    refused("useless encoders of inputs", |plan| {
        plan.client.encoder.affines.to_mut()[0].scale = 0.0
    });
    refused("useless encoders of inputs", |plan| {
        plan.client.encoder.affines.to_mut()[0].scale = f64::NAN
    });
    refused("readers of scores", |plan| {
        plan.output.sums.reader = Reader::Padded
    });
    refused("phases", |plan| plan.stages.to_mut()[1].phases = 0);
}

/// A plan with a key for scores, whose stages 2 and 3 share the keys of stage 1.
fn shared() -> Plan {
    let chain = Chain {
        inputs: 784,
        hidden: vec![Layer::alike(Reader::Padded, 64, 5, 300.0); 5],
        last: Layer::alike(Reader::Client, 10, 12, 300.0),
    };
    let plan =
        Plan::find(&chain.requirements(), &PlanOptions::default()).expect("parameters exist");
    assert_eq!(plan.validate(), Ok(()));
    assert!(!plan.new_keys()[3].2.keyswitching && plan.output.keyswitch.is_some());
    plan
}

#[test]
fn a_plan_of_a_newer_format_is_refused() {
    let mut stored = serde_json::to_value(shared()).expect("data");
    assert_eq!(stored["version"], 4);
    assert!(serde_json::from_value::<Plan>(stored.clone()).is_ok());
    stored["version"] = 5.into();
    let error = serde_json::from_value::<Plan>(stored).expect_err("a version to come");
    assert_eq!(
        error.to_string(),
        "plan has format version 5, but this program reads versions up to 4"
    );
}

/// A plan is in the oldest format that can say what it says, so that an older program never misreads it.
#[test]
fn a_plan_in_an_older_format_than_its_encoder_is_refused() {
    let mut stored = serde_json::to_value(shared()).expect("data");
    stored["version"] = 1.into();
    for stage in stored["stages"].as_array_mut().expect("a list") {
        let bootstrap = stage["bootstrap"].as_object_mut().expect("fields");
        bootstrap.retain(|field, _| !["key_bits", "body", "companion"].contains(&field.as_str()));
    }
    let plan: Plan = serde_json::from_value(stored.clone()).expect("a plan as data");
    let refused = plan.validate().expect_err("format 1 has no rule for ties");
    assert!(
        refused
            .to_string()
            .contains("parts that its version does not have"),
        "{refused}"
    );
    stored["client"]["encoder"] = serde_json::json!({"scale": 1.0, "zero_point": 0});
    let plan: Plan = serde_json::from_value(stored.clone()).expect("a plan as data");
    assert_eq!(plan.validate(), Ok(()));
    assert_eq!(serde_json::to_value(&plan).expect("data"), stored);
}

/// The version is the first field that is read, so it is named even if everything else is different.
#[test]
fn a_newer_format_is_named_before_its_fields_are() {
    let error = serde_json::from_str::<Plan>(r#"{"version": 7, "stages": "none"}"#);
    let error = error.expect_err("a version to come");
    assert!(error.to_string().contains("format version 7"), "{error}");
}
