//! Any bytes are either a model or an error, and a model prints, runs and is planned.
//!
//! Bytes that are JSON stand for the metadata of a file without tensors, since a fuzzer hardly finds the
//! lengths in a header by itself.
#![no_main]

use fhe_nn_core::{Model, PlanOptions};
use libfuzzer_sys::fuzz_target;

/// Greatest number of values of a network that is run, so that a case takes milliseconds.
const SMALL: usize = 1 << 10;

fuzz_target!(|bytes: &[u8]| {
    use_model(bytes);
    if let Ok(metadata) = str::from_utf8(bytes) {
        use_model(&file(metadata));
    }
});

fn use_model(bytes: &[u8]) {
    let Ok(model) = Model::from_bytes(bytes) else {
        return;
    };
    let spec = model.spec();
    let _ = (spec.to_string(), spec.declaration(&[]));
    let tensors = spec.flow().expect("a model's layers fit together");
    if tensors.iter().map(|tensor| tensor.len()).sum::<usize>() < SMALL {
        let zeros = vec![0.0; spec.input_len()];
        model.run(&zeros).expect("an input of its shape");
        let _ = model.plan(&PlanOptions::default());
    }
    let again = Model::from_bytes(&model.to_bytes()).expect("what was just written");
    assert_eq!(again, model);
}

/// A file without tensors.
fn file(metadata: &str) -> Vec<u8> {
    let header = serde_json::json!({ "__metadata__": { "fhe_nn": metadata } }).to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes()].concat()
}
