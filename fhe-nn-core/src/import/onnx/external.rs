//! Values of tensors that are in another file than the model, as PyTorch's exporter writes them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use fhe_nn_proof::model::MAX_BYTES;

use super::element::bytes_of;
use super::proto::{GraphProto, ModelProto, TensorProto};
use crate::import::error::{ImportError, quoted};

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
    match &mut model.graph {
        Some(graph) => in_graph(&mut data, graph),
        None => Ok(()),
    }
}

fn in_graph(data: &mut Data<'_>, graph: &mut GraphProto) -> Result<(), ImportError> {
    let attributes = graph.nodes.iter_mut().flat_map(|node| &mut node.attributes);
    let mut in_nodes = Vec::new();
    for attribute in attributes {
        in_nodes.extend(&mut attribute.tensor);
        if let Some(branch) = &mut attribute.graph {
            in_graph(data, branch)?;
        }
    }
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
                        let names = quoted(files.iter().map(|(known, _)| known));
                        return Err(format!("only {names} are given"));
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
