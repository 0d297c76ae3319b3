//! Checksums: a damaged file is an error, whatever version it claims to have.

use fhe_nn_core::Error;
use fhe_nn_core::error::ModelError;
use fhe_nn_core::plan::Ties;
use fhe_nn_core::prelude::*;
use safetensors::SafeTensors;

use super::changed::{with_metadata, without_checksum};
use super::{Mixed, mixed};

#[test]
fn a_file_that_was_damaged_is_an_error_and_not_a_wrong_score() {
    let bytes = mixed(0.0).to_bytes();
    let (length, _) = SafeTensors::read_metadata(&bytes).expect("a model");
    for at in 8 + length..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert!(
            matches!(
                Mixed::from_bytes(&bytes),
                Err(Error::Model(ModelError::Altered))
            ),
            "byte {at}"
        );
    }
    // older files have no checksum, and load; their clients round halves away from zero
    let old = Mixed::from_bytes(&without_checksum(bytes)).expect("version 1");
    assert_eq!(old.client_spec().encoder.ties, Ties::AwayFromZero);
    let input = [0.3, -0.2, 0.9];
    let scores = |network: &Mixed| network.run(&input).expect("finite values");
    assert_eq!(scores(&old), scores(&mixed(0.0)));
}

/// A checksum counts wherever there is one, so a version that was changed does not hide it.
#[test]
fn no_version_hides_a_checksum() {
    let mut bytes = mixed(0.0).to_bytes();
    let with_version = |bytes: &[u8], version: &str| {
        let bytes = with_metadata(bytes, |entry| {
            entry.replacen("\"version\":3", &format!("\"version\":{version}"), 1)
        });
        Mixed::from_bytes(&bytes).map_err(|error| error.to_string())
    };
    assert_eq!(with_version(&bytes, "3"), Ok(mixed(0.0)));
    // the rule for ties counts in the checksum, and is there from version 3 on
    for version in ["1", "2"] {
        let refused = with_version(&bytes, version).expect_err("a rule in an older format");
        assert_eq!(
            refused,
            format!("not a quantized model: its format is {version}, which has no rule for ties")
        );
    }
    let of_before = with_metadata(&bytes, |entry| {
        entry.replacen("\"ToEven\"", "\"AwayFromZero\"", 1)
    });
    let refused = Mixed::from_bytes(&of_before).expect_err("another rule");
    assert!(matches!(refused, Error::Model(ModelError::Altered)));
    let without = with_metadata(&bytes, |entry| {
        entry.replacen("\"ties\":\"ToEven\",", "", 1)
    });
    let refused = Mixed::from_bytes(&without).expect_err("no rule");
    assert_eq!(
        refused.to_string(),
        "not a quantized model: no rule for ties in its metadata"
    );
    assert_eq!(
        with_version(&bytes, "0"),
        Err("not a quantized model: its format is 0, but formats are counted from 1".to_owned())
    );
    *bytes.last_mut().expect("data") ^= 1;
    let refused = with_version(&bytes, "3").expect_err("a changed byte");
    assert!(refused.contains("SHA-256"), "{refused}");
    for version in ["1", "2"] {
        let older = with_metadata(&bytes, |entry| {
            let entry = entry.replacen("\"ties\":\"ToEven\",", "", 1);
            entry.replacen("\"version\":3", &format!("\"version\":{version}"), 1)
        });
        let refused = Mixed::from_bytes(&older).expect_err("a changed byte");
        assert!(
            matches!(refused, Error::Model(ModelError::Altered)),
            "{version}"
        );
    }
}
