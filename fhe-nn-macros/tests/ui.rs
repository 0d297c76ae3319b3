//! What the compiler shows for a network that breaks a law: `tests/ui/<law>/<mistake>.rs`.
//!
//! After a change of wording, `TRYBUILD=overwrite cargo test -p fhe-nn-macros --test ui` writes
//! the texts anew; read the difference.

#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("../tests/ui/*/*.rs");
}
