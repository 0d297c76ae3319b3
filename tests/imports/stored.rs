//! Imported models come back from their files as they were.

use fhe_nn_core::import::Imported;

use super::{MODELS, imported, reference};

#[test]
fn an_imported_model_comes_back_from_its_file() {
    let mut custom = 0;
    for (name, files) in MODELS {
        let (inputs, _) = reference(name);
        for file in *files {
            let before = imported(file).expect(file);
            let after = Imported::from_bytes(&before.to_bytes()).expect(file);
            assert_eq!(after.declaration(), before.declaration(), "{file}");
            assert_eq!(after.spec, before.spec, "{file}");
            assert_eq!(after.notes, before.notes, "{file}");
            let scores = |imported: &Imported| imported.float_scores(inputs.view()).expect(file);
            assert_eq!(scores(&after), scores(&before), "{file}");
            custom += before.functions.len();
        }
    }
    assert!(custom > 0, "no model has a function of its own");
}

#[test]
fn floats_without_a_declaration_are_not_an_imported_model() {
    let imported = imported("mlp").expect("it is a model");
    let refused = Imported::from_bytes(&imported.floats.to_bytes()).map(drop);
    let refused = refused.expect_err("there is no declaration").to_string();
    assert!(
        refused.contains("it has float weights, but no declaration"),
        "{refused}"
    );
}
