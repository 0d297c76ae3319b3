//! The path of a model, and its bytes.

use std::path::{Path, PathBuf};

use fhe_nn_proof::model::{MAX_BYTES, ReadError, read_file};
use syn::LitStr;

use crate::errors::{Error, Place};

/// The bytes of a model, and its absolute path, so that what is embedded is what was proved.
pub(super) fn read(path: &LitStr) -> Result<(LitStr, Vec<u8>), Error> {
    // a compiler knows the file, a test of this crate does not; `unwrap` makes a span the compiler's own,
    // which it is wherever there is a compiler
    let source = if proc_macro::is_available() {
        path.span().unwrap().local_file()
    } else {
        None
    };
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let found = resolve(&path.value(), source.as_deref(), manifest.as_deref());
    let bytes = read_file(&found, MAX_BYTES).map_err(|unread| error(path, unread))?;
    let absolute = std::path::absolute(&found).ok();
    let absolute = absolute.as_deref().and_then(Path::to_str);
    let absolute = absolute.map(|absolute| LitStr::new(absolute, path.span()));
    Ok((absolute.unwrap_or_else(|| path.clone()), bytes))
}

/// The path from the folder of the source file, as for `include_bytes!`. An editor may not know the source
/// file; then the path starts from the package, or its `src`.
fn resolve(path: &str, source: Option<&Path>, manifest: Option<&Path>) -> PathBuf {
    if let Some(folder) = source.and_then(Path::parent) {
        return folder.join(path);
    }
    let package = manifest.unwrap_or(Path::new("")).join(path);
    let sources = manifest.map(|manifest| manifest.join("src").join(path));
    match sources {
        Some(sources) if !package.exists() && sources.exists() => sources,
        _ => package,
    }
}

fn error(path: &LitStr, unread: ReadError) -> Error {
    let (place, path) = (Place::of(path), path.value());
    match unread {
        ReadError::Failed(error) => Error::new(place, format!("`{path}` cannot be read: {error}"))
            .note("the path starts from the folder of this source file")
            .help("remove `weights`, quantize and `save` a model there, and write it again"),
        ReadError::TooLarge(size) => Error::new(
            place,
            format!("`{path}` has {size} bytes, but at most {MAX_BYTES} are read"),
        )
        .help("quantize the network as it is declared here, and save it there"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large.safetensors");
        let large = File::create(&path).expect("writable");
        let holes = |size| large.set_len(size).expect("a file of nothing but a hole");
        holes(1 << 42); // to read it would take minutes
        let start = Instant::now();
        assert!(
            matches!(read_file(&path, MAX_BYTES), Err(ReadError::TooLarge(size)) if size == 1 << 42)
        );
        assert!(start.elapsed().as_secs() < 5);
        holes(MAX_BYTES + 1);
        assert!(
            matches!(read_file(&path, MAX_BYTES), Err(ReadError::TooLarge(size)) if size == MAX_BYTES + 1)
        );
        holes(5);
        assert!(matches!(read_file(&path, MAX_BYTES), Ok(bytes) if bytes == [0; 5]));
    }

    #[test]
    fn without_a_source_file_a_path_starts_from_the_package_or_its_sources() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = |path| resolve(path, None, Some(package));
        assert_eq!(found("tests/ui.rs"), package.join("tests/ui.rs"));
        assert_eq!(found("ast.rs"), package.join("src/ast.rs"));
        assert_eq!(found("none.rs"), package.join("none.rs"));
        let source = package.join("tests/ui.rs");
        let beside = resolve("ast.rs", Some(&source), Some(package));
        assert_eq!(beside, package.join("tests/ast.rs"));
    }
}
