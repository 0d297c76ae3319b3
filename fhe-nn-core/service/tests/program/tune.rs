//! Bit-widths that the program finds.

use std::path::Path;

use crate::number;
use crate::shell::Shell;

#[test]
fn widths_are_found_and_the_model_plans() {
    let shell = Shell::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/tune");
    let rows = data.join("digits.rows.npz");
    let call = format!(
        "tune {} --rows {rows} --labels {rows} --first 80 --loss 0.3 --trials 24 --svg front.svg -o net",
        data.join("handwriting.onnx").display(),
        rows = rows.display(),
    );
    let found = shell.json(&call);
    assert_eq!(found["network"], "Handwriting");
    assert!(number(&found, "loss") <= 0.3, "{found}");
    assert_eq!(found["promise"]["rows"], 20);
    let declaration = found["declaration"].as_str().expect("a text");
    assert!(
        declaration.contains("pub struct Handwriting"),
        "{declaration}"
    );
    let svg = String::from_utf8(shell.read("front.svg")).expect("an SVG is text");
    assert!(svg.starts_with("<svg"));

    let planned = shell.json("plan net");
    let seconds = number(&planned, "seconds_per_input_predicted_on_two_threads");
    assert_eq!(seconds, number(&found, "seconds"));
    let layers = planned["seconds_of_layers_predicted_on_two_threads"].as_array();
    let layers = layers
        .expect("a list")
        .iter()
        .filter_map(|own| own.as_f64());
    assert!((layers.sum::<f64>() - seconds).abs() < 1e-9);
    let approximate = number(&planned, "seconds_with_approximate_rounding_on_two_threads");
    assert!(approximate < seconds, "{planned}");
    assert!(
        shell
            .works("plan net")
            .contains("with `rounding = approximate`")
    );

    // nothing keeps that, and the reason says what would
    let reason = shell.refuses(&format!("{call} --within 0.0001 --force"));
    assert!(reason.contains("within 0.0001 s"), "{reason}");
    let reason = shell.refuses(&call.replace("--labels", "--labels-array input --labels"));
    assert!(reason.contains("is there already"), "{reason}");
    let wrong = call.replace("--labels", "--labels-array input --labels");
    let reason = shell.refuses(&format!("{wrong} --force"));
    assert!(reason.contains("labels cannot be used"), "{reason}");
}

#[test]
fn an_import_says_the_seconds_of_what_it_proposes() {
    let shell = Shell::new();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/onnx/models/mlp.onnx");
    let call = format!("import {} -o floats", model.display());
    let text = shell.works(&call);
    assert!(
        text.contains("s for an encrypted inference on two threads"),
        "{text}"
    );
    let found = shell.json(&format!("{call} --force"));
    let estimate = &found["seconds_estimated_on_two_threads"];
    let layers = estimate["layers"].as_array().expect("a list");
    assert!(!layers.is_empty());
    let layers = layers.iter().map(|layer| number(layer, "seconds"));
    assert!(layers.sum::<f64>() <= number(estimate, "all"));
    assert!(number(estimate, "with_approximate_rounding") < number(estimate, "all"));
}
