//! Plans from outside, with parameters that are insecure, absurd, or those of other layers.

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_proof::plan::{PlanError, Version};
use serde_json::{Value, json};

use super::shared::{INPUT, Shared, shared};

#[test]
fn parameters_out_of_range() {
    let cases = [
        ("/stages/0/bootstrap/small_dimension", json!(10)),
        ("/stages/1/bootstrap/small_dimension", json!(499)),
        ("/stages/0/bootstrap/small_dimension", json!(u32::MAX)),
        ("/stages/0/phases", json!(0)),
        ("/stages/0/phases", json!(1u32 << 31)),
        ("/stages/0/sums/neurons", json!(0)),
        ("/stages/0/sums/neurons", json!(u32::MAX)),
        ("/stages/0/sums/width", json!(0)),
        ("/stages/0/sums/width", json!(64)),
        ("/stages/0/sums/table_bits", json!(0)),
        ("/stages/0/sums/table_bits", json!(64)),
        ("/stages/0/sums/modulus", json!(0)),
        ("/stages/0/sums/modulus", json!(u64::MAX)),
        ("/stages/0/bootstrap/extension", json!(0)),
        ("/stages/0/bootstrap/extension", json!(u32::MAX)),
        ("/stages/0/bootstrap/shape/dimension", json!(1u32 << 31)),
        ("/stages/0/bootstrap/shape/dimension", json!(0)),
        (
            "/stages/0/bootstrap/shape/polynomial_size",
            json!(1u32 << 31),
        ),
        ("/stages/0/bootstrap/shape/polynomial_size", json!(1000)),
        ("/stages/0/bootstrap/digits/levels", json!(0)),
        ("/stages/0/bootstrap/digits/levels", json!(64)),
        ("/stages/0/bootstrap/digits/base_log", json!(0)),
        ("/stages/0/bootstrap/digits/base_log", json!(64)),
        ("/stages/1/bootstrap/keyswitch", Value::Null),
        ("/stages/1/bootstrap/keyswitch/levels", json!(0)),
        ("/stages/1/bootstrap/keyswitch/base_log", json!(u32::MAX)),
        ("/stages", json!([])),
        ("/input/dimension", json!(10)),
        ("/input/dimension", json!(u32::MAX)),
        ("/output/sums/modulus", json!(0)),
        ("/output/sums/modulus", json!(u64::MAX)),
        ("/output/dimension", json!(u32::MAX)),
        ("/output/sums/neurons", json!(0)),
        ("/output/sums/neurons", json!(u32::MAX)),
        ("/client/inputs", json!(0)),
        ("/client/inputs", json!(u64::MAX)),
        ("/client/input_bits", json!(0)),
        ("/client/input_bits", json!(64)),
        ("/client/widths", json!([])),
        ("/client/widths/0", json!(0)),
        ("/client/widths/1", json!(64)),
        ("/client/decoder", json!([])),
        ("/client/lattices", json!([])),
        ("/client/lattices/0/step_bits", json!(64)),
        ("/client/lattices/0/offset", json!(-1)),
    ];
    let (request, reply) = (shared().request().to_bytes(), shared().reply().to_bytes());
    for (place, value) in cases {
        let plan: Plan = serde_json::from_value(edited(place, &value)).expect("the type is right");
        refused(ClientKey::generate(&plan), place);
        refused(EvaluationKey::from_bytes(&request, &plan), place);
        refused(Request::from_bytes(&request, &plan), place);
        refused(Reply::from_bytes(&reply, &plan), place);
    }
}

#[test]
fn a_plan_of_other_types_is_none() {
    let cases = [
        ("/stages/0/output_variance", Value::Null), // what NaN is in JSON
        ("/options/failure_bits", Value::Null),
        ("/client/encoder/affines/0/scale", Value::Null),
        ("/stages/0/bootstrap/small_dimension", json!(-1)),
        ("/stages/0/bootstrap/small_dimension", json!(1u64 << 32)),
        ("/stages/0/sums/reader", json!("Anyone")),
        ("/model", json!([1, 2, 3])),
        ("/version", json!(Version::NEWEST.number() + 1)),
        ("/version", Value::Null),
    ];
    for (place, value) in cases {
        let plan = serde_json::from_value::<Plan>(edited(place, &value));
        assert!(plan.is_err(), "{place}");
    }
}

/// The model's fingerprint is public, so a plan may claim it and have other layers.
#[test]
fn a_plan_of_other_layers_does_not_run() {
    let bits = &shared().plan;
    let cases = [
        ("/stages/0/phases", json!(1)),
        ("/stages/0/sums/neurons", json!(2)),
        ("/stages/0/sums/table_bits", json!(8)),
        ("/stages/1/rounds", one_round()),
        ("/output/sums/table_bits", json!(19)),
        ("/client/inputs", json!(3)),
        ("/client/lattices/0", json!({"step_bits": 0, "offset": 0})),
    ];
    let cases = cases.map(|(place, value)| (place, edited(place, &value)));
    let fewer = {
        let mut plan = bits.clone();
        plan.stages.to_mut().truncate(1);
        plan.output.dimension = plan.stages[0].bootstrap.shape.lwe_dimension();
        plan.output.sums.sources = vec![1].into();
        ("/stages/1", serde_json::to_value(plan).expect("data"))
    };
    for (place, plan) in cases.into_iter().chain([fewer]) {
        let plan: Plan = serde_json::from_value(plan).expect("the types are right");
        if plan == *bits {
            panic!("{place} is as it was");
        }
        let client = ClientKey::generate(&plan).expect("parameters in range");
        let request = client
            .encrypt(&INPUT[..plan.client.inputs])
            .expect("finite");
        let reply = shared().network.run_encrypted(
            &ServerKey::new(&client.evaluation_key().expect("the system has randomness")),
            &request,
        );
        let wrong = matches!(
            reply,
            Err(Error::WrongPlan {
                what: "evaluation key",
                ..
            })
        );
        assert!(wrong, "{place}");
    }
}

#[test]
fn plans_are_deterministic_and_survive_json() {
    let Shared { network, plan, .. } = shared();
    assert_eq!(
        network.plan(&PlanOptions::default()).expect("as before"),
        *plan
    );
    let json = serde_json::to_string(plan).expect("data");
    let read: Plan = serde_json::from_str(&json).expect("as written");
    assert_eq!(read, *plan);
    // keys of one plan accept messages of the other, because the fingerprints are equal
    assert!(Request::from_bytes(&shared().request().to_bytes(), &read).is_ok());
    let client = ClientKey::generate(&read).expect("in range");
    let request = client.encrypt(&INPUT).expect("finite");
    let reply = network.run_encrypted(
        &ServerKey::new(&client.evaluation_key().expect("the system has randomness")),
        &request,
    );
    let scores = client
        .decrypt(&request, &reply.expect("they go together"))
        .expect("the client's own");
    assert_eq!(scores, network.run(&INPUT).expect("finite"));
}

/// The JSON of rounds that the second stage of a plan could have.
fn one_round() -> Value {
    let mut bootstrap = shared().plan.stages[1].bootstrap;
    bootstrap.shape = shared().plan.stages[0].bootstrap.shape;
    bootstrap.extension = 1;
    json!([{"above": 5, "neurons": 1, "bootstraps": 1, "bootstrap": bootstrap}])
}

/// The shared plan with another value in one place.
fn edited(place: &str, value: &Value) -> Value {
    let mut plan = serde_json::to_value(&shared().plan).expect("data");
    match plan.pointer_mut(place) {
        Some(old) => *old = value.clone(),
        None => panic!("{place} is not a place of a plan"),
    }
    plan
}

fn refused<T>(result: Result<T, Error>, place: &str) {
    let refused = matches!(result, Err(Error::Plan(PlanError::OutOfRange { .. })));
    assert!(refused, "{place}");
}
