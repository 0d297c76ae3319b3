//! The types of the elements of tensors, by their numbers in `onnx.proto`.

use super::proto::TensorProto;
use crate::import::budget::MAX_VALUES;

/// What numbers a type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    Integer,
}

/// Whether a type has reals.
pub(crate) fn is_real(data_type: i64) -> bool {
    matches!(data_type, 1 | 10 | 11 | 16)
}

/// Whether a type has integers that are read.
pub(crate) fn is_integer(data_type: i64) -> bool {
    matches!(data_type, 2..=7 | 12 | 13) || levels(data_type).is_some()
}

/// The least and the greatest integer of a type of at most 16 bits.
pub(crate) fn levels(data_type: i64) -> Option<(i64, i64)> {
    match data_type {
        2 => Some((0, 255)),
        3 => Some((-128, 127)),
        4 => Some((0, 65_535)),
        5 => Some((-32_768, 32_767)),
        _ => None,
    }
}

/// The values of a tensor, and what kind of numbers they are.
pub(super) fn values(tensor: &TensorProto) -> Result<(Vec<f64>, Kind), String> {
    let raw = &tensor.raw;
    let narrow = |convert: fn(i32) -> f64| tensor.integers.iter().map(|&x| convert(x)).collect();
    let (values, kind) = match tensor.data_type {
        1 if raw.is_empty() => (tensor.reals.iter().map(|&x| x.into()).collect(), Kind::Real),
        1 => (words(raw, |b| f32::from_le_bytes(b).into())?, Kind::Real),
        11 if raw.is_empty() => (tensor.long_reals.clone(), Kind::Real),
        11 => (words(raw, f64::from_le_bytes)?, Kind::Real),
        10 if raw.is_empty() => (narrow(|x| half(x as u16)), Kind::Real),
        10 => (words(raw, |b| half(u16::from_le_bytes(b)))?, Kind::Real),
        16 if raw.is_empty() => (narrow(|x| brain(x as u16)), Kind::Real),
        16 => (words(raw, |b| brain(u16::from_le_bytes(b)))?, Kind::Real),
        2..=6 | 9 if raw.is_empty() => (narrow(f64::from), Kind::Integer),
        2 | 9 => (words(raw, |[b]: [u8; 1]| b.into())?, Kind::Integer),
        3 => (words(raw, |b| i8::from_le_bytes(b).into())?, Kind::Integer),
        4 => (words(raw, |b| u16::from_le_bytes(b).into())?, Kind::Integer),
        5 => (words(raw, |b| i16::from_le_bytes(b).into())?, Kind::Integer),
        6 => (words(raw, |b| i32::from_le_bytes(b).into())?, Kind::Integer),
        7 if raw.is_empty() => {
            let values = tensor.long_integers.iter().map(|&x| x as f64);
            (values.collect(), Kind::Integer)
        }
        7 => (words(raw, |b| i64::from_le_bytes(b) as f64)?, Kind::Integer),
        12 | 13 if raw.is_empty() => {
            let values = tensor.unsigned.iter().map(|&x| x as f64);
            (values.collect(), Kind::Integer)
        }
        12 => (words(raw, |b| u32::from_le_bytes(b).into())?, Kind::Integer),
        13 => (words(raw, |b| u64::from_le_bytes(b) as f64)?, Kind::Integer),
        other => return Err(format!("its type has number {other}, which is not read")),
    };
    Ok((values, kind))
}

/// The shape of a tensor, and the number of its values.
///
/// # Errors
/// What is wrong with its extents.
pub(super) fn extents(tensor: &TensorProto) -> Result<(Vec<usize>, usize), String> {
    let mut shape = Vec::with_capacity(tensor.extents.len());
    for &extent in &tensor.extents {
        let size = usize::try_from(extent);
        shape.push(size.map_err(|_| format!("an extent is {extent}"))?);
    }
    let product = shape
        .iter()
        .try_fold(1usize, |product, &extent| product.checked_mul(extent));
    match product {
        Some(values) if values <= MAX_VALUES => Ok((shape, values)),
        _ => Err(format!("shape {shape:?} has too many values")),
    }
}

/// The number of bytes of a tensor's raw values.
///
/// # Errors
/// What is wrong with its type or its extents.
pub(super) fn bytes_of(tensor: &TensorProto) -> Result<u64, String> {
    let (_, values) = extents(tensor)?;
    let size = match tensor.data_type {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        1 | 6 | 12 => 4,
        7 | 11 | 13 => 8,
        other => return Err(format!("its type has number {other}, which is not read")),
    };
    Ok(values as u64 * size)
}

/// Little-endian words of `N` bytes.
fn words<const N: usize>(raw: &[u8], convert: impl Fn([u8; N]) -> f64) -> Result<Vec<f64>, String> {
    match raw.as_chunks::<N>() {
        (words, []) => Ok(words.iter().map(|&word| convert(word)).collect()),
        _ => Err(format!(
            "{} bytes are not whole values of {N} bytes",
            raw.len()
        )),
    }
}

fn half(bits: u16) -> f64 {
    crate::half::half(bits).into()
}

fn brain(bits: u16) -> f64 {
    f32::from_bits(u32::from(bits) << 16).into()
}
