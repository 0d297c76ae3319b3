//! Any bytes are either a plan or an error. A plan prints, and a valid one has sizes and reads messages.
#![no_main]

use fhe_nn_core::{EvaluationKey, Plan, Reply, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else {
        return;
    };
    let _ = (plan.to_string(), plan.bootstraps(), plan.log2_failure());
    let json = serde_json::to_vec(&plan).expect("a plan is data");
    let again: Plan = serde_json::from_slice(&json).expect("what was just written");
    assert_eq!(again.fingerprint(), plan.fingerprint());
    if plan.validate().is_ok() {
        let _ = (plan.predicted_seconds(2), plan.evaluation_key_bytes());
        // no message is empty, whatever the plan says
        assert!(Request::from_bytes(&[], &plan).is_err());
        assert!(Reply::from_bytes(&[], &plan).is_err());
        assert!(EvaluationKey::from_bytes(&[], &plan).is_err());
    }
});
