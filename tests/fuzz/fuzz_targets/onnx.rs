//! Any bytes are either a model or an error, and a model has a declaration and scores.
#![no_main]

use fhe_nn_core::import::{self, Widths};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(imported) = import::onnx(bytes, "Fuzzed", &Widths::default()) {
        let _ = imported.declaration();
        if imported.spec.input_len() < 1 << 12 {
            let zeros = Array2::zeros((1, imported.spec.input_len()));
            let _ = imported.float_scores(zeros.view());
        }
    }
});
