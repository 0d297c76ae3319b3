//! Models of scikit-learn, and models whose outputs are moved, averaged or quantized scores, as `onnx/outputs.py` writes
//! them.

use std::path::PathBuf;

use fhe_nn_core::import::{self, ImportOptions, Imported, Reference, Widths};

/// The greatest squared error of integers of 7 and 8 bits, relative to the outputs.
const FINE: f64 = 0.01;

fn imported(name: &str) -> Imported {
    let widths = Widths::new().with_input(8).with_weights(8);
    let widths = widths.with_activations(7).with_table(8);
    match import::load(file(name, "onnx"), &widths) {
        Ok(imported) => imported,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn file(name: &str, end: &str) -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/onnx/outputs"));
    folder.join(name).with_extension(end)
}

/// Asserts that a model is right, and returns the names of its layers.
fn layers(name: &str) -> Vec<String> {
    let expected = Reference::load(file(name, "json")).expect("the outputs are there");
    let imported = imported(name);
    let layers = imported.spec.layers.iter();
    let layers = layers.map(|layer| layer.name.to_string()).collect();
    // a model that is read back from its file has the same left to its client
    let stored = Imported::from_bytes(&imported.to_bytes()).expect("its own file");
    for imported in [imported, stored] {
        let compared = match imported.compare(&expected) {
            Ok(compared) => compared,
            Err(error) => panic!("{name}: {error}"),
        };
        let (float, integer) = (compared.float_error, compared.integer_error);
        assert!(float <= 1e-4, "{name}: floats differ by {float}");
        assert!(integer <= FINE, "{name}: integers differ by {integer}");
    }
    layers
}

#[test]
fn what_moves_averages_or_quantizes_scores_needs_no_layer() {
    for name in [
        "nhwc",
        "gathered",
        "mean",
        "mean_of_channels",
        "sum",
        "quantized",
        "levels",
    ] {
        let layers = layers(name);
        assert_eq!(layers.len(), 3, "{name}: {layers:?}");
    }
}

#[test]
fn multilayer_perceptrons_of_scikit_learn_are_read() {
    for name in [
        "mlp_binary",
        "mlp_classes",
        "mlp_zipmap",
        "mlp_names",
        "mlp_regressor",
        "standard",
        "minmax",
    ] {
        let layers = layers(name);
        assert_eq!(layers.len(), 3, "{name}: {layers:?}");
    }
}

#[test]
fn linear_models_of_scikit_learn_are_read() {
    for name in [
        "logistic_binary",
        "logistic_classes",
        "linear_svc",
        "linear",
        "linear_targets",
        "ridge",
    ] {
        let layers = layers(name);
        assert_eq!(layers.len(), 1, "{name}: {layers:?}");
    }
}

#[test]
fn an_output_is_chosen_by_its_name() {
    let load = |name: &str, output: &str| {
        let options = ImportOptions::new().with_output(output);
        import::load(file(name, "onnx"), &options)
    };
    let chosen = load("mlp_classes", "probabilities").expect("it is an output");
    assert_eq!(chosen.floats, imported("mlp_classes").floats);
    let notes = chosen.notes.join("\n");
    assert!(
        notes.contains("the output `probabilities` is imported, and not `label`"),
        "{notes}"
    );
    let label = load("logistic_binary", "label").expect("the client finds its place");
    assert!(label.notes.join("\n").contains("`ArgMax` of the scores"));
    let refused = load("mlp_classes", "label").expect_err("labels are looked up");
    assert!(
        refused
            .to_string()
            .contains("choose the output of the scores"),
        "{refused}"
    );
    let refused = load("mlp_classes", "classes").expect_err("it has no such output");
    assert_eq!(
        refused.to_string(),
        "the model has no output `classes`\n  = help: it has `label`, `probabilities`"
    );
}
