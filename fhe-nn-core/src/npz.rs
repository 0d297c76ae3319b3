//! Reads arrays of numpy: npz files are archives of npy files.
//!
//! An npy file has a magic number, a version, a header of declared length in Python's syntax, and then the
//! values (numpy, "NEP 1"). The library for this format allocates what a header declares before it reads
//! the values, so this module reads headers itself.

use std::io::{Cursor, Read};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::model::{MAX_BYTES, check_size};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use zip::ZipArchive;

use crate::Error;
use crate::half::half;

/// The greatest length of the header of an npy file, in bytes.
const MAX_HEADER: usize = 1 << 14;

/// Reads the tensors of an npz file by name. Integers are left out, since they are not weights.
///
/// # Errors
/// [`Error::Malformed`], [`ModelError::TooLarge`] and [`ModelError::TensorType`].
pub(crate) fn tensors(bytes: &[u8]) -> Result<Vec<(String, ArrayD<f32>)>, Error> {
    check_size(bytes.len() as u64)?;
    let malformed = |reason: String| Error::Malformed {
        what: "npz file",
        reason,
    };
    let archive = ZipArchive::new(Cursor::new(bytes));
    let mut archive = archive.map_err(|error| malformed(error.to_string()))?;
    let mut left = MAX_BYTES;
    let mut tensors = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive
            .by_index(index)
            .map_err(|error| malformed(error.to_string()))?;
        let name = file.name().map_err(|error| malformed(error.to_string()))?;
        let name = name.trim_end_matches(".npy").to_owned();
        let mut content = Vec::new();
        // the limit counts what is unpacked, whatever the archive declares
        let read = file.by_ref().take(left + 1).read_to_end(&mut content);
        read.map_err(|error| malformed(format!("`{name}`: {error}")))?;
        let size = content.len() as u64;
        left = left.checked_sub(size).ok_or(ModelError::TooLarge {
            bytes: size,
            limit: left,
        })?;
        if let Some(tensor) = tensor(&name, &content)? {
            tensors.push((name, tensor));
        }
    }
    Ok(tensors)
}

/// Reads the values of an npy file. The result is `None` for integers.
fn tensor(name: &str, bytes: &[u8]) -> Result<Option<ArrayD<f32>>, Error> {
    let malformed = |reason: &str| Error::Malformed {
        what: "npz file",
        reason: format!("`{name}` {reason}"),
    };
    let (header, data) = split(bytes).ok_or_else(|| malformed("is not an npy file"))?;
    let header =
        Header::parse(header).ok_or_else(|| malformed("has a header that is not numpy's"))?;
    let size = match header.kind.trim_start_matches(['<', '|', '=']) {
        "f2" => 2,
        "f4" => 4,
        "f8" => 8,
        kind if kind.starts_with(['i', 'u', 'b']) => return Ok(None),
        _ => {
            return Err(ModelError::TensorType {
                tensor: name.to_owned(),
                expected: "float16, float32 or float64, little-endian",
                actual: header.kind.to_owned(),
            }
            .into());
        }
    };
    let extents = header.shape.iter();
    let declared = extents.fold(size, |bytes: usize, &extent| bytes.saturating_mul(extent));
    if declared != data.len() {
        return Err(Error::Malformed {
            what: "npz file",
            reason: format!(
                "`{name}` declares {declared} bytes of values, but has {}",
                data.len()
            ),
        });
    }
    let values: Vec<f32> = match size {
        2 => data
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&b| half(u16::from_le_bytes(b)))
            .collect(),
        4 => data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b))
            .collect(),
        _ => data
            .as_chunks::<8>()
            .0
            .iter()
            .map(|&b| f64::from_le_bytes(b) as f32)
            .collect(),
    };
    let shape = IxDyn(&header.shape).set_f(header.fortran);
    let tensor = ArrayD::from_shape_vec(shape, values);
    tensor
        .map(Some)
        .map_err(|error| malformed(&error.to_string()))
}

/// Splits an npy file into its header and its values.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        _ => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
    };
    let (header, data) = rest.split_at_checked(length.min(MAX_HEADER + 1))?;
    let header = std::str::from_utf8(header).ok()?;
    (length <= MAX_HEADER).then_some((header, data))
}

/// The content of a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Header<'a> {
    kind: &'a str,
    fortran: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let after = |key: &str| {
            let (_, rest) = text.split_once(key)?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let kind = after("'descr'")?.strip_prefix('\'')?.split_once('\'')?.0;
        let fortran = after("'fortran_order'")?.starts_with("True");
        let extents = after("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
        let extents = extents.split(',').map(str::trim);
        let extents = extents.filter(|extent| !extent.is_empty());
        let shape: Result<Vec<usize>, _> = extents.map(str::parse).collect();
        Some(Header {
            kind,
            fortran,
            shape: shape.ok()?,
        })
    }
}
