//! Keys and messages travel as bytes, and nothing from outside is believed: every mistake is an
//! error that says what does not go with what.

use std::sync::OnceLock;

use fhe_nn_core::prelude::*;
use fhe_nn_proof::plan::PlanError;
use fhe_nn_tests::Random;
use serde_json::{Value, json};

#[fhe_network(input(shape = [4], bits = 2))]
struct Small {
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc1: Dense<4, 3>,
    #[bits(output = 2, phases = 2)]
    wave1: Wave,
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc2: Dense<6, 2>,
    #[bits(output = 2)]
    wave2: Wave,
    #[bits(weights = 2)]
    scores: Dense<2, 2>,
}

/// Bytes of a header: magic, kind, version, plan's fingerprint, key's id.
const HEADER: usize = 5 + 1 + 2 + 32 + 16;
const INPUT: [f32; 4] = [0.5, -0.25, 1.0, -1.0];

/// What all tests share: keys take a second to make.
struct Shared {
    network: Small,
    plan: Plan,
    client: ClientKey,
    server: EvaluationKey,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let network: Small = Random(1).network();
        let plan = network.plan(&Options::default()).expect("parameters exist");
        let client = ClientKey::generate(&plan).expect("the plan was just found");
        let server = client.evaluation_key();
        Shared {
            network,
            plan,
            client,
            server,
        }
    })
}

impl Shared {
    fn request(&self) -> Request {
        self.client.encrypt(&INPUT).expect("finite")
    }

    fn reply(&self) -> Reply {
        let reply = self.network.run_encrypted(&self.server, &self.request());
        reply.expect("key and request were made for the network")
    }
}

#[test]
fn a_server_made_from_bytes_alone_gives_the_right_result() {
    let Shared {
        network,
        plan,
        client,
        server,
    } = shared();
    // everything that the server gets, and everything that comes back
    let (network, plan) = (network.to_bytes(), serde_json::to_vec(plan).expect("data"));
    let (server, request) = (server.to_bytes(), shared().request().to_bytes());
    let reply = {
        let network = Small::from_bytes(&network).expect("as saved");
        let plan = serde_json::from_slice(&plan).expect("as saved");
        let server = EvaluationKey::from_bytes(&server, &plan).expect("as sent");
        let request = Request::from_bytes(&request, &plan).expect("as sent");
        network
            .run_encrypted(&server, &request)
            .expect("they go together")
            .to_bytes()
    };
    let reply = Reply::from_bytes(&reply, &shared().plan).expect("as sent");
    let clear = shared().network.run(&INPUT).expect("finite");
    assert_eq!(client.decrypt(&reply).expect("the client's own"), clear);
}

#[test]
fn messages_are_of_the_size_that_the_plan_says() {
    let plan = &shared().plan;
    let seeds: usize = plan
        .stages
        .iter()
        .map(|s| 16 + 16 * usize::from(s.keyswitch.is_some()))
        .sum();
    let key = HEADER + seeds + plan.evaluation_key_bytes() as usize;
    assert_eq!(shared().server.to_bytes().len(), key);
    let request = HEADER + 16 + plan.request_bytes() as usize;
    assert_eq!(shared().request().to_bytes().len(), request);
    assert_eq!(
        shared().reply().to_bytes().len(),
        HEADER + plan.reply_bytes() as usize
    );
}

#[test]
fn the_wrong_key() {
    let Shared {
        network,
        plan,
        client,
        server,
    } = shared();
    let other = ClientKey::generate(plan).expect("the same plan");
    let request = other.encrypt(&INPUT).expect("finite");
    let error = network
        .run_encrypted(server, &request)
        .expect_err("of another client");
    assert!(
        matches!(
            error,
            Error::WrongKey {
                what: "request",
                ..
            }
        ),
        "{error}"
    );
    let error = other
        .decrypt(&shared().reply())
        .expect_err("of another client");
    assert!(
        matches!(error, Error::WrongKey { what: "reply", .. }),
        "{error}"
    );
    assert!(client.decrypt(&shared().reply()).is_ok());
}

#[test]
fn the_wrong_network() {
    let other: Small = Random(2).network();
    let error = other
        .run_encrypted(&shared().server, &shared().request())
        .expect_err("the same shape with other weights");
    assert!(
        matches!(
            error,
            Error::WrongPlan {
                what: "evaluation key",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_foreign_ciphertext() {
    let other: Small = Random(2).network();
    let plan = other.plan(&Options::default()).expect("parameters exist");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let request = client.encrypt(&INPUT).expect("finite");
    let error = shared().network.run_encrypted(&shared().server, &request);
    let error = error.expect_err("of another plan");
    assert!(
        matches!(
            error,
            Error::WrongPlan {
                what: "request",
                ..
            }
        ),
        "{error}"
    );
    let error = client
        .decrypt(&shared().reply())
        .expect_err("of another plan");
    assert!(
        matches!(error, Error::WrongPlan { what: "reply", .. }),
        "{error}"
    );
    let error = Request::from_bytes(&request.to_bytes(), &shared().plan).expect_err("another plan");
    assert!(
        matches!(
            error,
            Error::WrongPlan {
                what: "request",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn the_wrong_kind() {
    let plan = &shared().plan;
    let (request, reply) = (shared().request().to_bytes(), shared().reply().to_bytes());
    malformed(Reply::from_bytes(&request, plan), "does not begin as one");
    malformed(Request::from_bytes(&reply, plan), "does not begin as one");
    malformed(
        EvaluationKey::from_bytes(&request, plan),
        "does not begin as one",
    );
}

#[test]
fn bytes_missing_or_too_many() {
    let plan = &shared().plan;
    let mut bytes = shared().request().to_bytes();
    for length in 0..bytes.len() {
        malformed(Request::from_bytes(&bytes[..length], plan), "bytes");
    }
    bytes.push(0);
    malformed(Request::from_bytes(&bytes, plan), "bytes");

    let mut bytes = shared().reply().to_bytes();
    for length in [
        0,
        1,
        HEADER,
        HEADER + 1,
        bytes.len() / 2,
        bytes.len() - 8,
        bytes.len() - 1,
    ] {
        malformed(Reply::from_bytes(&bytes[..length], plan), "bytes");
    }
    bytes.push(0);
    malformed(Reply::from_bytes(&bytes, plan), "bytes");

    let mut bytes = shared().server.to_bytes();
    for length in [
        0,
        1,
        HEADER,
        HEADER + 1,
        bytes.len() / 2,
        bytes.len() - 8,
        bytes.len() - 1,
    ] {
        malformed(EvaluationKey::from_bytes(&bytes[..length], plan), "bytes");
    }
    bytes.push(0);
    malformed(EvaluationKey::from_bytes(&bytes, plan), "bytes");
}

#[test]
fn every_byte_of_a_header_counts() {
    let Shared {
        network,
        plan,
        server,
        ..
    } = shared();
    let bytes = shared().request().to_bytes();
    for index in 0..HEADER {
        let mut bytes = bytes.clone();
        bytes[index] ^= 1 << (index % 8);
        let request = Request::from_bytes(&bytes, plan);
        match index {
            // magic, kind, version
            0..8 => malformed(request, ""),
            // fingerprint
            8..40 => assert!(matches!(request, Err(Error::WrongPlan { .. })), "{index}"),
            // the key's id
            _ => {
                let request = request.expect("any id is one");
                let reply = network.run_encrypted(server, &request);
                assert!(matches!(reply, Err(Error::WrongKey { .. })), "{index}");
            }
        }
    }
}

#[test]
fn another_version() {
    let mut bytes = shared().request().to_bytes();
    bytes[6] = 2;
    malformed(
        Request::from_bytes(&bytes, &shared().plan),
        "version 2, this program reads 1",
    );
}

/// Ciphertexts are not authenticated: others give other scores, which is all that they do.
#[test]
fn a_flipped_payload_is_another_ciphertext() {
    let Shared {
        network,
        plan,
        client,
        server,
    } = shared();
    let mut bytes = shared().request().to_bytes();
    for index in (HEADER..bytes.len()).step_by(7) {
        bytes[index] ^= 0x5a;
    }
    let request = Request::from_bytes(&bytes, plan).expect("any payload is one");
    let reply = network
        .run_encrypted(server, &request)
        .expect("it is of the key");
    assert_eq!(
        client.decrypt(&reply).expect("of the key").integers().len(),
        2
    );
}

#[test]
fn parameters_out_of_range() {
    let cases = [
        ("/stages/0/small_dimension", json!(10)),
        ("/stages/1/small_dimension", json!(499)),
        ("/stages/0/small_dimension", json!(u32::MAX)),
        ("/stages/0/phases", json!(0)),
        ("/stages/0/phases", json!(1u32 << 31)),
        ("/stages/0/bootstraps", json!(0)),
        ("/stages/0/bootstraps", json!(u32::MAX)),
        ("/stages/0/width", json!(0)),
        ("/stages/0/width", json!(64)),
        ("/stages/0/output_modulus_bits", json!(0)),
        ("/stages/0/output_modulus_bits", json!(64)),
        ("/stages/0/shape/dimension", json!(1u32 << 31)),
        ("/stages/0/shape/dimension", json!(0)),
        ("/stages/0/shape/polynomial_size", json!(1u32 << 31)),
        ("/stages/0/shape/polynomial_size", json!(1000)),
        ("/stages/0/digits/levels", json!(0)),
        ("/stages/0/digits/levels", json!(64)),
        ("/stages/0/digits/base_log", json!(0)),
        ("/stages/0/digits/base_log", json!(64)),
        ("/stages/1/keyswitch", Value::Null),
        ("/stages/1/keyswitch/levels", json!(0)),
        ("/stages/1/keyswitch/base_log", json!(u32::MAX)),
        ("/stages", json!([])),
        ("/input/dimension", json!(10)),
        ("/input/dimension", json!(u32::MAX)),
        ("/input/modulus_bits", json!(0)),
        ("/input/modulus_bits", json!(64)),
        ("/output/dimension", json!(u32::MAX)),
        ("/output/scores", json!(0)),
        ("/output/scores", json!(u32::MAX)),
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
        ("/client/encoder/scale", Value::Null),
        ("/stages/0/small_dimension", json!(-1)),
        ("/stages/0/small_dimension", json!(1u64 << 32)),
        ("/stages/0/reader", json!("Anyone")),
        ("/model", json!([1, 2, 3])),
    ];
    for (place, value) in cases {
        let plan = serde_json::from_value::<Plan>(edited(place, &value));
        assert!(plan.is_err(), "{place}");
    }
}

/// The model's fingerprint is public: a plan may claim it and have other layers.
#[test]
fn a_plan_of_other_layers_does_not_run() {
    let bits = &shared().plan;
    let cases = [
        ("/stages/0/phases", json!(1)),
        ("/stages/0/bootstraps", json!(2)),
        ("/stages/0/width", json!(2)),
        ("/stages/1/reader", json!("Padded")),
        ("/stages/1/output_modulus_bits", json!(1)),
        ("/input/modulus_bits", json!(1)),
        ("/client/inputs", json!(3)),
        ("/client/lattices/0", json!({"step_bits": 0, "offset": 0})),
    ];
    let cases = cases.map(|(place, value)| (place, edited(place, &value)));
    let fewer = {
        let mut plan = bits.clone();
        plan.stages.truncate(1);
        plan.output.dimension = plan.stages[0].shape.lwe_dimension();
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
        let reply = shared()
            .network
            .run_encrypted(&client.evaluation_key(), &request);
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
    assert_eq!(network.plan(&Options::default()).expect("as before"), *plan);
    let json = serde_json::to_string(plan).expect("data");
    let read: Plan = serde_json::from_str(&json).expect("as written");
    assert_eq!(read, *plan);
    // keys of the one plan take messages of the other: the fingerprints are equal
    assert!(Request::from_bytes(&shared().request().to_bytes(), &read).is_ok());
    let client = ClientKey::generate(&read).expect("in range");
    let request = client.encrypt(&INPUT).expect("finite");
    let reply = network.run_encrypted(&client.evaluation_key(), &request);
    let scores = client
        .decrypt(&reply.expect("they go together"))
        .expect("the client's own");
    assert_eq!(scores, network.run(&INPUT).expect("finite"));
}

#[test]
fn an_input_of_another_length_or_not_finite() {
    let client = &shared().client;
    let error = client.encrypt(&INPUT[1..]).expect_err("too short");
    assert!(
        matches!(
            error,
            Error::InputLength {
                expected: 4,
                actual: 3,
                ..
            }
        ),
        "{error}"
    );
    let error = client
        .encrypt(&[0.0, f32::NAN, 0.0, 0.0])
        .expect_err("not a number");
    assert!(
        matches!(error, Error::InputNotFinite { index: 1, .. }),
        "{error}"
    );
}

/// Does not compile if the type implements the trait: `_` then has two solutions.
macro_rules! assert_not_implemented {
    ($type:ty: $($trait:path),*) => {$(
        const _: fn() = || {
            trait Ambiguous<Marker> {
                fn here() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<u8> for T {}
            let _ = <$type as Ambiguous<_>>::here;
        };
    )*};
}
// secret keys cannot be printed, copied or stored by accident
assert_not_implemented!(ClientKey: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);

/// The shared plan with another value in one place.
fn edited(place: &str, value: &Value) -> Value {
    let mut plan = serde_json::to_value(&shared().plan).expect("data");
    match plan.pointer_mut(place) {
        Some(old) => *old = value.clone(),
        None => panic!("{place} is no place of a plan"),
    }
    plan
}

fn malformed<T>(result: Result<T, Error>, part: &str) {
    match result {
        Err(Error::Malformed { reason, .. }) => assert!(reason.contains(part), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing malformed"),
    }
}

fn refused<T>(result: Result<T, Error>, place: &str) {
    let refused = matches!(result, Err(Error::Plan(PlanError::OutOfRange { .. })));
    assert!(refused, "{place}");
}
