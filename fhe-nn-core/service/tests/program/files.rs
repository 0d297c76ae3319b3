//! Where results go, and the order of the rows that come in.

use std::fs::File;
use std::process::Stdio;

use crate::shell::{Shell, models, outputs_of, rows_of};

#[cfg(unix)]
#[test]
fn devices_and_links_are_not_replaced() {
    use std::fs;
    use std::os::unix::fs::symlink;

    let shell = Shell::with_network();
    for line in [
        "describe net -o /dev/null",
        "describe net -o /dev/null --force",
    ] {
        shell.works(line);
        let device = fs::metadata("/dev/null").expect("every Unix has it");
        assert!(!device.is_file(), "{line}");
    }

    shell.write("old", "old");
    symlink(shell.path("old"), shell.path("link")).expect("links can be made");
    let reason = shell.refuses("describe net -o link");
    assert!(reason.contains("`link` is there already"), "{reason}");
    assert_eq!(shell.read("old"), b"old");
    shell.works("describe net -o link --force");
    assert!(shell.path("link").is_symlink());
    assert_eq!(shell.read("old"), shell.read("net.description"));
}

#[test]
fn whoever_reads_no_further_is_no_mistake() {
    let shell = Shell::new();
    let mut program = shell
        .command("completions bash")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    drop(program.stdout.take());
    assert!(program.wait().expect("it ends").success());
}

#[test]
fn a_model_comes_through_a_pipe() {
    let shell = Shell::new();
    let model = File::open(models().join("mlp.onnx")).expect("it is there");
    let output = shell
        .command("import - -o floats --json")
        .stdin(model)
        .output()
        .expect("the program can be started");
    assert!(output.status.success());
    assert_eq!(shell.json("inspect floats")["network"], "Network");
}

#[test]
fn rows_are_taken_in_the_order_of_the_imported_model() {
    let shell = Shell::new();
    shell.rows("rows.csv", &rows_of("linear_3d"));
    let model = models().join("linear_3d.onnx");
    shell.works(&format!("import {} -o floats", model.display()));
    let note = "rows of inputs keep the model's order";
    let text = shell.works("quantize floats --rows rows.csv -o net");
    assert!(text.contains(&format!("note: {note}")), "{text}");
    let found = shell.json("quantize floats --rows rows.csv -o net --force");
    let notes = found["notes"].to_string();
    assert!(notes.contains(note), "{notes}");
    // the integers that were calibrated on the rows are near the scores that the model has for them
    let found = shell.json("run net --rows rows.csv");
    let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
    let (mut of_errors, mut of_expected) = (0.0, 0.0);
    for (index, expected) in outputs_of("linear_3d").iter().enumerate() {
        let own: Vec<f64> = serde_json::from_value(found["scores"][index]["reals"].clone())
            .expect("every row has scores");
        let errors: Vec<f64> = own.iter().zip(expected).map(|(x, y)| x - y).collect();
        of_errors += squares(&errors);
        of_expected += squares(expected);
    }
    assert!(of_errors < 0.06 * of_expected, "{of_errors}");
}

#[test]
fn an_import_is_held_against_its_framework() {
    let shell = Shell::new();
    let model = models().join("mlp.onnx");
    let (model, expected) = (model.display(), models().join("mlp.json"));
    let found = shell.json(&format!("import {model} --compare {}", expected.display()));
    let rows = found["rows"].as_u64().expect("a number of rows");
    assert!(found["float_error"].as_f64().expect("a number") < 1e-4);
    assert!(found["integer_error"].as_f64().expect("a number") < 0.06);
    assert!(found["agree"].as_u64().expect("a number of rows") <= rows);
    // nothing is written unless it is said where
    let written = std::fs::read_dir(shell.path(".")).expect("the folder is there");
    assert_eq!(written.count(), 0);
    shell.works(&format!(
        "import {model} --compare {} -o floats",
        expected.display()
    ));
    assert!(shell.path("floats").exists());
    shell.rows("rows.csv", &rows_of("mlp"));
    let reason = shell.refuses(&format!("import {model} --compare rows.csv"));
    assert!(reason.contains("neither an npz file nor JSON"), "{reason}");
}
