//! A word to who runs the engine as it was compiled for a debugger.

use std::sync::Once;

/// What is said: the reason, and the lines to write.
const TEXT: &str = "warning: fhe-nn-core was compiled without optimization or with debug assertions, so encrypted runs \
    take about seventeen times as long
  = help: write these two lines into the Cargo.toml of the workspace, or run with `--release`:
        [profile.dev.package]
        \"*\" = { opt-level = 3, debug-assertions = false }";

/// Says once on standard error that the engine is slow, if this crate was compiled so.
pub(super) fn warn_if_unoptimized() {
    static SAID: Once = Once::new();
    if cfg!(any(unoptimized, debug_assertions)) {
        SAID.call_once(|| eprintln!("{TEXT}"));
    }
}
