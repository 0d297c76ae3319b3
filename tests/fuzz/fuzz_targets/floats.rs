//! Any bytes are either float tensors or an error.
#![no_main]

use fhe_nn_core::Floats;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Floats::from_bytes(bytes);
    if let Ok(floats) = Floats::from_npz(bytes) {
        let again = Floats::from_bytes(&floats.to_bytes()).expect("what was just written");
        assert_eq!(again, floats);
    }
});
