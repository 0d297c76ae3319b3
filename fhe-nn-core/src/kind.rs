//! What a file is, by its first bytes: for errors that name the call which reads it.

use crate::Error;

/// A kind of file that people have at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Onnx,
    Safetensors,
    Npz,
    Npy,
    PyTorch,
    TorchScript,
    TorchExport,
    Keras,
    Hdf5,
    TfLite,
    Pickle,
    Archive,
    GitLfs,
    Html,
}

impl Kind {
    /// The kind of file that bytes are; `None` if they are of no kind that is known.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        if starts(b"PK\x03\x04") {
            return Some(archive(bytes));
        }
        if starts(b"\x89HDF\r\n\x1a\n") {
            return Some(Kind::Hdf5);
        }
        if bytes.get(4..8) == Some(&b"TFL3"[..]) {
            return Some(Kind::TfLite);
        }
        if starts(b"\x93NUMPY") {
            return Some(Kind::Npy);
        }
        if starts(b"version https://git-lfs") {
            return Some(Kind::GitLfs);
        }
        let page = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
        let page = page.and_then(|start| bytes.get(start..start + 5));
        if page.is_some_and(|page| {
            page.eq_ignore_ascii_case(b"<!doc") || page.eq_ignore_ascii_case(b"<html")
        }) {
            return Some(Kind::Html);
        }
        // the length of the header, and the header, which is JSON
        if let Some((length, rest)) = bytes.split_first_chunk::<8>()
            && rest.first() == Some(&b'{')
            && u64::from_le_bytes(*length) < 1 << 30
        {
            return Some(Kind::Safetensors);
        }
        match bytes {
            // the protocol's version, from 2 on
            [0x80, 2..=5, ..] => Some(Kind::Pickle),
            // the version of the format, then the producer's name, its version, the graph or the operators
            [0x08, 1..=20, 0x12 | 0x1a | 0x3a | 0x42, ..] => Some(Kind::Onnx),
            _ => None,
        }
    }

    /// The kind with its article.
    fn name(self) -> &'static str {
        match self {
            Kind::Onnx => "an ONNX model",
            Kind::Safetensors => "a safetensors file",
            Kind::Npz => "an npz file of numpy",
            Kind::Npy => "an npy file of numpy",
            Kind::PyTorch => "a file of `torch.save`",
            Kind::TorchScript => "a TorchScript model",
            Kind::TorchExport => "a file of `torch.export.save`",
            Kind::Keras => "a Keras model",
            Kind::Hdf5 => "an HDF5 file, as older Keras models are",
            Kind::TfLite => "a TFLite model",
            Kind::Pickle => "a Python pickle",
            Kind::Archive => "a zip archive",
            Kind::GitLfs => "a pointer of Git LFS, not the file itself",
            Kind::Html => "a web page",
        }
    }

    /// What reads such a file, or what to make of it.
    fn help(self) -> &'static str {
        match self {
            Kind::Onnx => "`import::load` of the feature `import` reads it, and `fhe-nn import`",
            Kind::Safetensors => {
                "`Floats::load` reads float weights, `Model::load` a quantized model, and `Imported::load` what \
                 `fhe-nn import` wrote"
            }
            Kind::Npz => {
                "`Floats::load_npz` of the feature `import` reads float weights, and `rows::load` rows of inputs"
            }
            Kind::Npy => "`rows::load` of the feature `import` reads rows of inputs",
            Kind::PyTorch | Kind::Pickle => {
                "in Python, `torch.onnx.export(model, inputs, \"model.onnx\")` writes a model for `import::load`, and \
                 `safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\")` weights for `Floats::load`"
            }
            Kind::TorchScript | Kind::TorchExport => {
                "in Python, `torch.onnx.export(model, inputs, \"model.onnx\")` writes a model for `import::load`"
            }
            Kind::Keras | Kind::Hdf5 => {
                "in Python, `model.export(\"model.onnx\", format=\"onnx\")` writes a model for `import::load`"
            }
            Kind::TfLite => {
                "`python -m tf2onnx.convert --tflite model.tflite --output model.onnx` writes a model for `import::load`"
            }
            Kind::Archive => "unpack it first",
            Kind::GitLfs => "`git lfs pull` fetches the file",
            Kind::Html => "download the file itself, not the page that shows it",
        }
    }

    /// Checks that bytes are not of another kind than is wanted.
    ///
    /// # Errors
    /// [`Error::AnotherKind`].
    pub(crate) fn check(bytes: &[u8], own: &[Kind], wanted: &'static str) -> Result<(), Error> {
        match Kind::of(bytes) {
            Some(kind) if !own.contains(&kind) => Err(Error::AnotherKind {
                found: kind.name(),
                wanted,
                help: kind.help(),
            }),
            _ => Ok(()),
        }
    }
}

/// The kind of a zip archive, by the names of its files.
fn archive(bytes: &[u8]) -> Kind {
    // the first file, and the directory at the end
    let (first, last) = (
        &bytes[..bytes.len().min(1 << 12)],
        &bytes[bytes.len().saturating_sub(1 << 20)..],
    );
    let has = |name: &[u8]| {
        let is_in = |part: &[u8]| part.windows(name.len()).any(|own| own == name);
        is_in(first) || is_in(last)
    };
    if has(b"model.weights.h5") {
        Kind::Keras
    } else if has(b"constants.pkl") {
        Kind::TorchScript
    } else if has(b"data.pkl") {
        Kind::PyTorch
    } else if has(b"archive_format") {
        Kind::TorchExport
    } else if has(b".npy") {
        Kind::Npz
    } else {
        Kind::Archive
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Floats, Model};

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        let zip = |name: &str| [&b"PK\x03\x04"[..], &[0; 26], name.as_bytes()].concat();
        for (bytes, kind) in [
            (zip("model/data.pkl"), Kind::PyTorch),
            (zip("model/data.pkl model/constants.pkl"), Kind::TorchScript),
            (zip("archive_format"), Kind::TorchExport),
            (zip("fc1.weight.npy"), Kind::Npz),
            (zip("config.json model.weights.h5"), Kind::Keras),
            (zip("letter.txt"), Kind::Archive),
            (b"\x89HDF\r\n\x1a\n..".to_vec(), Kind::Hdf5),
            (b"\x1c\0\0\0TFL3".to_vec(), Kind::TfLite),
            (b"\x93NUMPY\x01\0".to_vec(), Kind::Npy),
            (b"\x80\x02}q\0.".to_vec(), Kind::Pickle),
            (b"\x08\x08\x12\x07pytorch".to_vec(), Kind::Onnx),
            (b"\x02\0\0\0\0\0\0\0{}".to_vec(), Kind::Safetensors),
            (
                b"version https://git-lfs.github.com/spec/v1".to_vec(),
                Kind::GitLfs,
            ),
            (b"\n<!DOCTYPE html>".to_vec(), Kind::Html),
        ] {
            assert_eq!(Kind::of(&bytes), Some(kind), "{}", kind.name());
        }
        for bytes in [&b""[..], b"{", b"PK", b"1,2,3\n", &[0x08]] {
            assert_eq!(Kind::of(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_onnx_model_is_named_where_weights_were_wanted() {
        let onnx = b"\x08\x08\x12\x07pytorch";
        let of_model = Model::from_bytes(onnx)
            .expect_err("it is no model")
            .to_string();
        assert!(
            of_model.starts_with("this is an ONNX model, not a quantized model\n"),
            "{of_model}"
        );
        let of_floats = Floats::from_bytes(onnx)
            .expect_err("it has no tensors")
            .to_string();
        assert!(of_floats.contains("`import::load`"), "{of_floats}");
    }
}
