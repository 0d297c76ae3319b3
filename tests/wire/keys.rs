//! Keys, ciphertexts and networks that do not go together are refused.

use std::fs;
use std::path::Path;

use crate::random::Random;
use fhe_nn_core::error::{Error, InputError};
use fhe_nn_core::prelude::*;

use super::shared::{INPUT, Shared, Small, shared};

#[test]
fn the_wrong_key() {
    let Shared {
        network,
        plan,
        client,
        server,
        ..
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
    let (own, reply) = shared().exchange();
    let error = other
        .decrypt(&request, &reply)
        .expect_err("of another client");
    assert!(
        matches!(error, Error::WrongKey { what: "reply", .. }),
        "{error}"
    );
    assert!(client.decrypt(&own, &reply).is_ok());
}

/// Replies that were mixed up or replayed belong to another request.
#[test]
fn the_wrong_request() {
    let client = &shared().client;
    let ((first, one), (second, two)) = (shared().exchange(), shared().exchange());
    for (request, reply) in [(&first, &two), (&second, &one)] {
        let error = client
            .decrypt(request, reply)
            .expect_err("of another request");
        assert!(matches!(error, Error::WrongRequest), "{error}");
    }
    assert!(client.decrypt(&first, &one).is_ok());
    assert!(client.decrypt(&second, &two).is_ok());
}

#[test]
fn keys_are_as_large_as_the_caller_allows() {
    let plan = &shared().plan;
    let bytes = plan.evaluation_key_bytes();
    assert!(ClientKey::generate_within(plan, bytes).is_ok());
    let Err(error) = ClientKey::generate_within(plan, bytes - 1) else {
        panic!("a byte too large");
    };
    let wrong = matches!(error, Error::KeysTooLarge { limit, .. } if limit == bytes - 1);
    assert!(wrong, "{error}");
}

/// tfhe's seeder uses only the processor's `RDSEED` if there is one; ours uses the operating system.
#[test]
fn all_randomness_is_the_operating_system_s() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fhe-nn-core/src");
    let mut folders = vec![source];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files += 1;
                let text = fs::read_to_string(&path).expect("a source file");
                assert!(!text.contains("new_seeder"), "{}", path.display());
            }
        }
    }
    assert!(files > 100, "{files}");
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
    let plan = other
        .plan(&PlanOptions::default())
        .expect("parameters exist");
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
        .decrypt(&request, &shared().exchange().1)
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
fn an_input_of_another_length_or_not_finite() {
    let client = &shared().client;
    let error = client.encrypt(&INPUT[1..]).expect_err("too short");
    assert!(
        matches!(
            error,
            Error::Input(InputError::Length {
                expected: 4,
                actual: 3,
                ..
            })
        ),
        "{error}"
    );
    let error = client
        .encrypt(&[0.0, f32::NAN, 0.0, 0.0])
        .expect_err("not a number");
    assert!(
        matches!(error, Error::Input(InputError::NotFinite { index: 1, .. })),
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
