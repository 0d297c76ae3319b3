//! Values of tensors that are in another file than the model, as PyTorch's exporter writes them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use fhe_nn_proof::model::MAX_BYTES;

use super::element::bytes_of;
use super::proto::{ModelProto, TensorProto};
use crate::import::error::ImportError;

/// Where the other files of a model are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside<'a> {
    /// In the folder of the model.
    Folder(&'a Path),
    /// In memory: the locations that tensors name, and their bytes.
    Memory(&'a [(&'a str, &'a [u8])]),
}

/// Puts the values of all tensors into the model, so that none of them is in another file.
///
/// A location is a path inside the model's folder. Its canonical path must lie in the canonical folder, so neither
/// `..` nor a symbolic link leads out of it. The model, of `own` bytes, its other files, and what is read of them
/// may have [`MAX_BYTES`] together.
///
/// # Errors
/// [`ImportError::External`], which names the tensor and the file.
pub(crate) fn resolve(
    model: &mut ModelProto,
    own: u64,
    beside: Beside<'_>,
) -> Result<(), ImportError> {
    let mut data = Data {
        beside,
        files: HashMap::new(),
        left: MAX_BYTES.saturating_sub(own),
        unopened: MAX_BYTES.saturating_sub(own),
    };
    let Some(graph) = &mut model.graph else {
        return Ok(());
    };
    let in_nodes = graph.nodes.iter_mut().flat_map(|node| &mut node.attributes);
    let in_nodes = in_nodes.filter_map(|attribute| attribute.tensor.as_mut());
    for tensor in graph.constants.iter_mut().chain(in_nodes) {
        let reason = match tensor.location {
            0 if tensor.external.is_empty() => continue,
            1 => data.fill(tensor),
            _ => Err(
                "it has entries of external data, but says that its values are inside".to_owned(),
            ),
        };
        reason.map_err(|reason| ImportError::External {
            tensor: tensor.name.clone(),
            file: entry(tensor, "location").unwrap_or_default().to_owned(),
            reason,
        })?;
    }
    Ok(())
}

/// The other files of a model.
struct Data<'a> {
    beside: Beside<'a>,
    /// Those that were opened, by their locations.
    files: HashMap<String, Source<'a>>,
    /// The bytes that may still be read.
    left: u64,
    /// The bytes that files may have which are not open yet.
    unopened: u64,
}

/// One of them, and its bytes.
enum Source<'a> {
    File(File, u64),
    Memory(&'a [u8]),
}

impl Data<'_> {
    /// Reads the values of a tensor.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn fill(&mut self, tensor: &mut TensorProto) -> Result<(), String> {
        let known = ["location", "offset", "length", "checksum"];
        if let Some(other) = tensor
            .external
            .iter()
            .find(|each| !known.contains(&&*each.key))
        {
            return Err(format!("its entry `{}` is not known", other.key));
        }
        let inside = !tensor.raw.is_empty()
            || !tensor.reals.is_empty()
            || !tensor.integers.is_empty()
            || !tensor.long_integers.is_empty()
            || !tensor.long_reals.is_empty()
            || !tensor.unsigned.is_empty();
        if inside {
            return Err("it has values inside the model as well".to_owned());
        }
        let number = |key: &str| match entry(tensor, key) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!(
                    "its {key} is `{text}`, which is not a number of bytes"
                )),
            },
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let declared = bytes_of(tensor)?;
        let location = entry(tensor, "location").unwrap_or_default().to_owned();
        let source = match self.files.remove(&location) {
            Some(open) => open,
            None => self.open(&location)?,
        };
        let size = match &source {
            Source::File(_, size) => *size,
            Source::Memory(bytes) => bytes.len() as u64,
        };
        let length = match length {
            Some(length) => length,
            None => size.saturating_sub(offset),
        };
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(format!(
                "the file has {size} bytes, but the tensor has {length} from byte {offset} on"
            ));
        }
        if length != declared {
            let shape = &tensor.extents;
            return Err(format!(
                "it has {length} bytes there, but its shape {shape:?} needs {declared}"
            ));
        }
        self.left = self.left.checked_sub(length).ok_or_else(too_large)?;
        tensor.raw = source.read(offset, length)?;
        tensor.location = 0;
        tensor.external.clear();
        self.files.insert(location, source);
        Ok(())
    }
}

impl<'a> Data<'a> {
    fn open(&mut self, location: &str) -> Result<Source<'a>, String> {
        let (source, size) = match self.beside {
            Beside::Folder(folder) => {
                let path = inside(folder, location)?;
                let failed = |error: std::io::Error| error.to_string();
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                (Source::File(file, metadata.len()), metadata.len())
            }
            Beside::Memory(files) => {
                match files.iter().find(|(known, _)| *known == location) {
                    Some((_, bytes)) => (Source::Memory(bytes), bytes.len() as u64),
                    None if files.is_empty() => {
                        return Err("a model in memory has no folder\n  = help: `import::load` reads files \
                                beside the model, and `import::onnx_with_data` takes their bytes"
                        .to_owned());
                    }
                    None => {
                        let names: Vec<String> = files
                            .iter()
                            .map(|(known, _)| format!("`{known}`"))
                            .collect();
                        return Err(format!("only {} are given", names.join(", ")));
                    }
                }
            }
        };
        self.unopened = self.unopened.checked_sub(size).ok_or_else(too_large)?;
        Ok(source)
    }
}

impl Source<'_> {
    /// Some of the bytes, which are there.
    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, String> {
        match self {
            Source::Memory(all) => {
                let (start, length) = (offset as usize, length as usize);
                Ok(all[start..start + length].to_vec())
            }
            Source::File(file, _) => {
                let mut file = file;
                let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
                let read = file
                    .seek(SeekFrom::Start(offset))
                    .and_then(|_| file.take(length).read_to_end(&mut bytes));
                match read {
                    Ok(read) if read as u64 == length => Ok(bytes),
                    Ok(read) => Err(format!(
                        "it ends {read} bytes after byte {offset}, not {length}"
                    )),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}

/// The canonical path of a regular file inside a folder.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let path = Path::new(location);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() {
        return Err("it names no file".to_owned());
    }
    if !path.components().all(is_plain) {
        return Err("only paths inside the model's folder are read, without `..`".to_owned());
    }
    let canonical = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    // the empty path is the current folder
    let folder = canonical(&Path::new(".").join(folder))?;
    let file = canonical(&folder.join(path))?;
    if !file.starts_with(&folder) {
        return Err("a symbolic link leads out of the model's folder".to_owned());
    }
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err("it is not a regular file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// An entry of a tensor's external data.
fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    let own = tensor.external.iter().find(|each| each.key == key);
    own.map(|each| each.value.as_str())
}

fn too_large() -> String {
    format!("a model and its files may have {MAX_BYTES} bytes together")
}

#[cfg(test)]
mod tests {
    use super::super::proto::{GraphProto, StringEntryProto};
    use super::*;

    /// A tensor of two 32-bit reals in another file.
    fn tensor(entries: &[(&str, &str)]) -> TensorProto {
        let entry = |(key, value): &(&str, &str)| StringEntryProto {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        TensorProto {
            extents: vec![2],
            data_type: 1,
            name: "w".to_owned(),
            location: 1,
            external: entries.iter().map(entry).collect(),
            ..TensorProto::default()
        }
    }

    fn resolved(tensor: TensorProto, beside: Beside<'_>) -> Result<Vec<u8>, String> {
        let mut model = ModelProto {
            graph: Some(GraphProto {
                constants: vec![tensor],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        resolve(&mut model, 100, beside).map_err(|error| error.to_string())?;
        let graph = model.graph.ok_or("no graph")?;
        Ok(graph.constants[0].raw.clone())
    }

    #[test]
    fn values_are_read_from_their_offset() {
        let bytes: Vec<u8> = (0..12).collect();
        let files = [("m.data", &bytes[..])];
        let entries = [("location", "m.data"), ("offset", "4"), ("length", "8")];
        let all: Vec<u8> = (4..12).collect();
        assert_eq!(
            resolved(tensor(&entries), Beside::Memory(&files)),
            Ok(all.clone())
        );
        // without a length, the rest of the file
        assert_eq!(
            resolved(tensor(&entries[..2]), Beside::Memory(&files)),
            Ok(all.clone())
        );

        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("m.data"), &bytes).expect("writable");
        assert_eq!(
            resolved(tensor(&entries), Beside::Folder(folder.path())),
            Ok(all)
        );
    }

    #[test]
    fn what_does_not_fit_names_tensor_and_file() {
        let bytes = [0; 12];
        let files = [("m.data", &bytes[..])];
        let of = |entries: &[(&str, &str)]| {
            resolved(tensor(entries), Beside::Memory(&files)).expect_err("it is wrong")
        };
        let start = "the values of tensor `w` cannot be read from `m.data`: ";
        for (entries, reason) in [
            (
                vec![("location", "m.data"), ("offset", "8"), ("length", "8")],
                "the file has 12 bytes, but the tensor has 8 from byte 8 on",
            ),
            (
                vec![
                    ("location", "m.data"),
                    ("offset", "18446744073709551615"),
                    ("length", "8"),
                ],
                "the file has 12 bytes, but the tensor has 8 from byte 18446744073709551615 on",
            ),
            (
                vec![("location", "m.data"), ("length", "4")],
                "it has 4 bytes there, but its shape [2] needs 8",
            ),
            (
                vec![("location", "m.data"), ("offset", "-4")],
                "its offset is `-4`, which is not a number of bytes",
            ),
            (
                vec![("location", "m.data"), ("basepath", "/etc")],
                "its entry `basepath` is not known",
            ),
        ] {
            assert_eq!(of(&entries), format!("{start}{reason}"));
        }
        let other = of(&[("location", "n.data")]);
        assert!(
            other.ends_with("`n.data`: only `m.data` are given"),
            "{other}"
        );
        let both = TensorProto {
            raw: vec![0; 8],
            ..tensor(&[("location", "m.data")])
        };
        let both = resolved(both, Beside::Memory(&files)).expect_err("which one?");
        assert!(
            both.ends_with("it has values inside the model as well"),
            "{both}"
        );
        let nowhere = resolved(tensor(&[("location", "m.data")]), Beside::Memory(&[]));
        let nowhere = nowhere.expect_err("it has no folder");
        assert!(nowhere.contains("`import::load`"), "{nowhere}");
    }

    #[test]
    fn a_model_and_its_files_have_a_limit_together() {
        let bytes = [0; 8];
        let files = [("m.data", &bytes[..])];
        let mut model = ModelProto {
            graph: Some(GraphProto {
                constants: vec![tensor(&[("location", "m.data")])],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        let error = resolve(&mut model, MAX_BYTES - 7, Beside::Memory(&files));
        let error = error.expect_err("one byte too many").to_string();
        assert!(
            error.ends_with("may have 1073741824 bytes together"),
            "{error}"
        );
    }

    #[test]
    fn nothing_is_read_outside_of_the_folder() {
        let around = tempfile::tempdir().expect("a folder");
        let folder = around.path().join("model");
        std::fs::create_dir(&folder).expect("a new folder");
        let secret = around.path().join("secret");
        std::fs::write(&secret, [0; 8]).expect("writable");
        let of = |location: &str| {
            let tensor = tensor(&[("location", location)]);
            resolved(tensor, Beside::Folder(&folder)).expect_err("it is outside")
        };
        let absolute = secret.to_str().expect("text");
        for location in ["../secret", "a/../../secret", absolute] {
            let error = of(location);
            assert!(
                error.ends_with("inside the model's folder are read, without `..`"),
                "{error}"
            );
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&secret, folder.join("link")).expect("a link");
            assert!(of("link").ends_with("a symbolic link leads out of the model's folder"));
            std::os::unix::fs::symlink(around.path(), folder.join("up")).expect("a link");
            assert!(of("up/secret").ends_with("a symbolic link leads out of the model's folder"));
        }
        assert!(of(".").ends_with("it is not a regular file"));
        let missing = of("missing.data");
        assert!(
            missing.contains("tensor `w`") && missing.contains("`missing.data`"),
            "{missing}"
        );
    }
}
