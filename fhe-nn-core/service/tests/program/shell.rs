//! A folder, and the program called in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder, and the program called in it.
pub(crate) struct Shell(TempDir);

impl Shell {
    pub(crate) fn new() -> Self {
        Shell(tempfile::tempdir().expect("a folder for files can be made"))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fhe-nn"));
        command
            .current_dir(self.0.path())
            .env("FHE_NN_PASSPHRASE", "correct horse battery staple")
            .args(line.split_whitespace());
        command
    }

    pub(crate) fn call(&self, line: &str) -> Output {
        self.command(line)
            .output()
            .expect("the program can be started")
    }

    /// Calls the program, which must succeed, and returns what it prints.
    pub(crate) fn works(&self, line: &str) -> String {
        let output = self.call(line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8(output.stdout).expect("the program prints text")
    }

    /// Calls the program with `--json`, and returns the object.
    pub(crate) fn json(&self, line: &str) -> Value {
        let text = self.works(&format!("{line} --json"));
        serde_json::from_str(&text).expect("the program prints one object")
    }

    /// Calls the program, which must refuse, and returns the reason.
    pub(crate) fn refuses(&self, line: &str) -> String {
        let output = self.call(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
        String::from_utf8(output.stderr).expect("the program prints text")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("it is there")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("files can be written");
    }

    /// Writes rows as CSV.
    pub(crate) fn rows(&self, name: &str, rows: &[Vec<f64>]) {
        let line = |row: &Vec<f64>| {
            let values: Vec<String> = row.iter().map(f64::to_string).collect();
            values.join(",") + "\n"
        };
        let text: String = rows.iter().map(line).collect();
        self.write(name, text);
    }

    /// Imports and quantizes a network, and describes it: `net`, `net.description`, and rows in `rows.csv`.
    pub(crate) fn with_network() -> Self {
        let shell = Shell::new();
        let inputs = rows_of("mlp");
        shell.rows("rows.csv", &inputs);
        let model = models().join("mlp.onnx");
        shell.works(&format!(
            "import {} -o floats --input 2 --weights 2 --activations 1 --table 3",
            model.display()
        ));
        shell.works("quantize floats --rows rows.csv -o net");
        shell.works("describe net -o net.description");
        shell
    }
}

/// The folder of the exported models of the tests.
pub(crate) fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/onnx/models")
}

/// Returns the inputs that come with a model.
pub(crate) fn rows_of(model: &str) -> Vec<Vec<f64>> {
    reference(model, "input")
}

/// Returns what a model computes of these inputs.
pub(crate) fn outputs_of(model: &str) -> Vec<Vec<f64>> {
    reference(model, "output")
}

fn reference(model: &str, key: &str) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(models().join(format!("{model}.json"))).expect("it is there");
    let json: Value = serde_json::from_str(&text).expect("it is JSON");
    serde_json::from_value(json[key].clone()).expect("it has rows")
}
