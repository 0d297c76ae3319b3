//! Reads npy files, which numpy writes: one array each.
//!
//! An npy file has a magic number, a version, a header of declared length in Python's syntax, and then the
//! values (numpy, "NEP 1"). The library for this format allocates what a header declares before it reads
//! the values, so this module reads headers itself.

use fhe_nn_proof::error::ModelError;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::Error;
use crate::half::half;

/// The greatest length of the header of an npy file, in bytes.
const MAX_HEADER: usize = 1 << 14;

/// An array of an npy file.
pub(crate) struct Npy {
    pub(crate) values: ArrayD<f32>,
    pub(crate) element: Element,
}

/// The type of an array's elements, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F16,
    F32,
    F64,
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl Npy {
    /// Whether the bytes begin as an npy file.
    pub(crate) fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads an array, by whose name errors call it.
    ///
    /// # Errors
    /// [`Error::Malformed`], and [`ModelError::TensorType`] for elements that are not numbers of this
    /// crate.
    pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |reason: String| Error::Malformed {
            what: "npy file",
            reason: format!("`{name}` {reason}"),
        };
        let (header, data) =
            split(bytes).ok_or_else(|| malformed("is not an npy file".to_owned()))?;
        let header = Header::parse(header)
            .ok_or_else(|| malformed("has a header that is not numpy's".to_owned()))?;
        let Some(element) = Element::of(header.kind) else {
            return Err(ModelError::TensorType {
                tensor: name.to_owned(),
                expected: "floats or integers, little-endian",
                actual: header.kind.to_owned(),
            }
            .into());
        };
        let extents = header.shape.iter();
        let declared = extents.fold(element.bytes(), |bytes, &extent| {
            bytes.saturating_mul(extent)
        });
        let length = data.len();
        if declared != length {
            return Err(malformed(format!(
                "declares {declared} bytes of values, but has {length}"
            )));
        }
        let mut values = Vec::with_capacity(length / element.bytes());
        for bytes in data.chunks_exact(element.bytes()) {
            let value = element.value(bytes).ok_or_else(|| {
                malformed("has an integer that a 32-bit float cannot hold".to_owned())
            })?;
            values.push(value);
        }
        let shape = IxDyn(&header.shape).set_f(header.fortran);
        let values = ArrayD::from_shape_vec(shape, values);
        Ok(Npy {
            values: values.map_err(|error| malformed(error.to_string()))?,
            element,
        })
    }
}

impl Element {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind.trim_start_matches(['<', '|', '=']) {
            "f2" => Element::F16,
            "f4" => Element::F32,
            "f8" => Element::F64,
            "b1" => Element::Bool,
            "i1" => Element::I8,
            "u1" => Element::U8,
            "i2" => Element::I16,
            "u2" => Element::U16,
            "i4" => Element::I32,
            "u4" => Element::U32,
            "i8" => Element::I64,
            "u8" => Element::U64,
            _ => return None,
        })
    }

    /// Number of bytes of an element.
    fn bytes(self) -> usize {
        match self {
            Element::Bool | Element::I8 | Element::U8 => 1,
            Element::F16 | Element::I16 | Element::U16 => 2,
            Element::F32 | Element::I32 | Element::U32 => 4,
            Element::F64 | Element::I64 | Element::U64 => 8,
        }
    }

    /// Whether elements are real numbers.
    pub(crate) fn is_float(self) -> bool {
        match self {
            Element::F16 | Element::F32 | Element::F64 => true,
            Element::Bool
            | Element::I8
            | Element::U8
            | Element::I16
            | Element::U16
            | Element::I32
            | Element::U32
            | Element::I64
            | Element::U64 => false,
        }
    }

    /// Returns the value of an element's bytes; `None` if it is an integer that a 32-bit float cannot hold.
    fn value(self, bytes: &[u8]) -> Option<f32> {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        let word = u64::from_le_bytes(word);
        Some(match self {
            Element::F16 => half(word as u16),
            Element::F32 => f32::from_bits(word as u32),
            Element::F64 => f64::from_bits(word) as f32,
            Element::Bool | Element::U8 | Element::U16 => word as f32,
            Element::I8 => f32::from(word as u8 as i8),
            Element::I16 => f32::from(word as u16 as i16),
            Element::I32 => return exact(i128::from(word as u32 as i32)),
            Element::I64 => return exact(i128::from(word as i64)),
            Element::U32 | Element::U64 => return exact(i128::from(word)),
        })
    }
}

/// Returns an integer as a float, if the float is that integer.
fn exact(integer: i128) -> Option<f32> {
    let float = integer as f32;
    (float as i128 == integer).then_some(float)
}

const MAGIC: &[u8] = b"\x93NUMPY";

/// Splits an npy file into its header and its values.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
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
