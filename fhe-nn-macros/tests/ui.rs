//! What the compiler shows for a network that breaks a law: `tests/ui/<law>/<mistake>.rs`.
//!
//! After a change of wording, `TRYBUILD=overwrite cargo test -p fhe-nn-macros --test ui` writes
//! the texts anew; read the difference.

use std::fs::{self, File};
use std::path::PathBuf;

#[test]
fn mistakes() {
    let _model = TooLarge::new();
    // they run at the end of this line
    trybuild::TestCases::new().compile_fail("../tests/ui/*/*.rs");
}

/// The model of `too_large_model`, a file of nothing but a hole; it is removed again.
struct TooLarge(PathBuf);

impl TooLarge {
    fn new() -> Self {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/ui/weights/models");
        let model = TooLarge(PathBuf::from(models).join("too_large.safetensors"));
        let file = File::create(&model.0).expect("a folder to write to");
        file.set_len((1 << 30) + 1)
            .expect("a hole takes no room on the disk");
        model
    }
}

impl Drop for TooLarge {
    fn drop(&mut self) {
        // the tests have said what they have to say
        let _ = fs::remove_file(&self.0);
    }
}
