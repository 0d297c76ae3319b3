//! Errors of files name the file, what it should have been, and the call that reads it.

use fhe_nn_core::import::{self, Imported, Widths};
use fhe_nn_core::{Error, Floats, Model, Network};
use ndarray::{ArrayD, IxDyn};

use super::{Mlp, imported, models, reference};

#[test]
fn a_file_of_another_kind_is_recognized() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        path
    };
    let archive = [&b"PK\x03\x04"[..], &[0; 26], b"model/data.pkl"].concat();
    let torch = file("model.pt", &archive);
    let onnx = models().join("mlp.onnx");
    let weights = models().join("mlp_state.safetensors");
    let npz = models().join("mlp_state.npz");
    let widths = Widths::default();
    let error = |error: Option<String>| error.expect("it is of another kind");
    let of_import = |path| error(import::load(path, &widths).err().map(|e| e.to_string()));
    let of_floats = |path| error(Floats::load(path).err().map(|e| e.to_string()));
    for (path, text, parts) in [
        (
            &torch,
            of_import(&torch),
            ["a file of `torch.save`", "torch.onnx.export"],
        ),
        (
            &weights,
            of_import(&weights),
            ["a safetensors file", "`Floats::load`"],
        ),
        (&npz, of_import(&npz), ["an npz file", "`Floats::load_npz`"]),
        (&onnx, of_floats(&onnx), ["an ONNX model", "`import::load`"]),
        (&npz, of_floats(&npz), ["an npz file", "`Floats::load_npz`"]),
        (
            &onnx,
            error(Model::load(&onnx).err().map(|e| e.to_string())),
            ["an ONNX model, not a quantized model", "`import::load`"],
        ),
        (
            &weights,
            error(Floats::load_npz(&weights).err().map(|e| e.to_string())),
            ["a safetensors file", "`Floats::load`"],
        ),
        (
            &onnx,
            error(Imported::load(&onnx).err().map(|e| e.to_string())),
            ["an ONNX model", "`import::load`"],
        ),
    ] {
        assert!(text.contains(&path.display().to_string()), "{text}");
        for part in parts {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn a_broken_file_is_named_with_its_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.onnx");
    let bytes = std::fs::read(models().join("mlp.onnx")).expect("readable");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("writable");
    let text = import::load(&path, &Widths::default()).expect_err("a half of it");
    let start = format!("ONNX model `{}`: not a whole ONNX model", path.display());
    assert!(text.to_string().starts_with(&start), "{text}");
    std::fs::write(&path, b"{}").expect("writable");
    let text = Floats::load(&path)
        .expect_err("it is no tensor")
        .to_string();
    let start = format!(
        "float weights `{}`: not a whole safetensors file",
        path.display()
    );
    assert!(text.starts_with(&start), "{text}");
}

/// Statistics of batch normalization would be left out without a word.
#[test]
fn tensors_that_no_field_reads_are_an_error() {
    let (inputs, _) = reference("mlp");
    let mut floats = imported("mlp").expect("it is supported").floats;
    let mean = ArrayD::zeros(IxDyn(&[24]));
    for name in ["bn.running_mean", "layer_1.weights"] {
        floats.insert(name, mean.clone()).expect("finite");
    }
    let error = Mlp::float_scores(&floats, inputs.view()).expect_err("it has no such fields");
    assert!(matches!(error, Error::TensorsUnused { .. }), "{error}");
    let text = error.to_string();
    for part in [
        "`bn.running_mean`",
        "`layer_1.weights`",
        "`layer_5.weight`",
        "`Floats::renamed`",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let both = Mlp::quantize(&floats, inputs.view())
        .err()
        .expect("nor here");
    assert_eq!(both.to_string(), text);
    let rest = floats.without(&["bn", "layer_1.weights"]);
    assert!(Mlp::float_scores(&rest, inputs.view()).is_ok());
}
