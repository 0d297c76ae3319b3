//! Windows of every form, as `onnx/windows.py` writes them, have the outputs that onnxruntime computes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use fhe_nn_core::import::{self, ImportError, Imported, Reference, Widths};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/windows")
}

/// The models in a folder, by name.
fn models(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let paths = files.map(|file| file.expect("a file").path());
    let models = paths.filter(|path| path.extension() == Some(OsStr::new("onnx")));
    let named = models.map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (name.into_owned(), path)
    });
    named.collect()
}

/// A model at widths that lose little.
fn imported(path: &Path) -> Result<Imported, ImportError> {
    let widths = Widths::new()
        .with_input(8)
        .with_weights(8)
        .with_activations(6)
        .with_table(8);
    import::load(path, &widths)
}

#[test]
fn windows_of_every_form_are_right() {
    let models = models(&folder());
    assert_eq!(models.len(), 39);
    let mut wrong = Vec::new();
    for (name, path) in models {
        let imported = match imported(&path) {
            Ok(imported) => imported,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let expected = Reference::load(path.with_extension("json")).expect("its outputs");
        let compared = imported.compare(&expected);
        let compared = compared.unwrap_or_else(|error| panic!("{name}: {error}"));
        if compared.float_error > 1e-5 || compared.integer_error > 0.02 {
            let (floats, integers) = (compared.float_error, compared.integer_error);
            wrong.push(format!("{name}: floats {floats}, integers {integers}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The models that are refused, and what is said.
const REFUSED: &[(&str, &str)] = &[
    ("conv3d", "but windows have one axis or two"),
    (
        "conv_transpose",
        "write it as a matrix product or a convolution",
    ),
    ("lp_pool", "write it as a matrix product or a convolution"),
    ("max3d", "its windows have more than two axes"),
    (
        "max_of_edges_alone",
        "its windows see edges that a `Pad` repeats, but not the edges themselves",
    ),
    ("max_of_zeros", "but the values may be negative"),
    (
        "max_of_zeros_alone",
        "some of its windows see padding alone",
    ),
    ("max_of_zeros_shifted", "but the values may be negative"),
];

#[test]
fn what_windows_must_not_see_is_refused_by_name() {
    let models = models(&folder().join("refused"));
    assert_eq!(models.len(), REFUSED.len());
    for (name, path) in models {
        let reason = REFUSED.iter().find(|(own, _)| *own == name);
        let (_, reason) = reason.unwrap_or_else(|| panic!("{name} has no reason"));
        let error = imported(&path).map(drop).expect_err(&name).to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
}

/// What a window sees and what is written: the shortest type that is the same.
#[test]
fn windows_are_written_as_short_as_they_are() {
    let layer = |name: &str, field: &str| {
        let path = folder().join(name).with_extension("onnx");
        let imported = imported(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let declaration = imported.declaration();
        let line = declaration
            .lines()
            .find_map(|line| line.trim().strip_prefix(field));
        line.unwrap_or_else(|| panic!("{field}\n{declaration}"))
            .to_owned()
    };
    assert_eq!(
        layer("conv_rectangle", "conv: "),
        "Conv<2, 3, (Axis<2, 1, 0, 3, 1>, Axis<3, 2, 1>)>,"
    );
    assert_eq!(
        layer("max_rectangle", "max_pool: "),
        "MaxPool<(Axis<2, 2>, Axis<3, 2>)>,"
    );
    assert_eq!(
        layer("max1d_ceil", "max_pool: "),
        "MaxPool<Axis<2, 2, 0, 1, 1>>,"
    );
    // padding in front makes windows, padding behind makes no further ones
    assert_eq!(
        layer("max_of_zeros_twice", "max_pool: "),
        "MaxPool2d<2, 1>,"
    );
}
