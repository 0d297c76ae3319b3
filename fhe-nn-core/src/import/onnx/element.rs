//! The types of the elements of tensors, by their numbers in `onnx.proto`.

use super::proto::TensorProto;
use crate::half::{brain, half};
use crate::import::budget::MAX_VALUES;

/// What numbers a type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    Integer,
}

/// The numbers of a type; an error names a type that is not read.
pub(crate) fn kind(data_type: i64) -> Result<Kind, String> {
    match data_type {
        1 | 10 | 11 | 16 => Ok(Kind::Real),
        2..=7 | 9 | 12 | 13 | 21 | 22 | 25 | 26 => Ok(Kind::Integer),
        other => Err(unread(other)),
    }
}

/// What an error says of a type that is not read.
fn unread(data_type: i64) -> String {
    format!("type {}, which is not read", type_name(data_type))
}

/// The number of bits of a raw value of a type; an error names a type that is not read.
fn bits(data_type: i64) -> Result<usize, String> {
    match data_type {
        25 | 26 => Ok(2),
        21 | 22 => Ok(4),
        2 | 3 | 9 => Ok(8),
        4 | 5 | 10 | 16 => Ok(16),
        1 | 6 | 12 => Ok(32),
        7 | 11 | 13 => Ok(64),
        other => Err(format!("it has {}", unread(other))),
    }
}

/// Whether a type has reals.
pub(crate) fn is_real(data_type: i64) -> bool {
    kind(data_type) == Ok(Kind::Real)
}

/// The least and the greatest integer of a type of at most 16 bits.
pub(crate) fn levels(data_type: i64) -> Option<(i64, i64)> {
    match data_type {
        2 => Some((0, 255)),
        3 => Some((-128, 127)),
        4 => Some((0, 65_535)),
        5 => Some((-32_768, 32_767)),
        21 => Some((0, 15)),
        22 => Some((-8, 7)),
        25 => Some((0, 3)),
        26 => Some((-2, 1)),
        _ => None,
    }
}

/// A number in the precision of a type of reals.
pub(crate) fn rounded(data_type: i64, x: f64) -> f64 {
    match data_type {
        1 => f64::from(x as f32),
        10 => in_digits(x, 11, -14, 65_504.0),
        16 => in_digits(x, 8, -126, f64::from_bits(0x47ef_e000_0000_0000)),
        _ => x,
    }
}

/// The nearest binary number of some digits, the even one of two. `least` is the exponent of the least number that
/// has all digits; beyond `most` numbers are infinite.
fn in_digits(x: f64, digits: i32, least: i32, most: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let exponent = libm::ilogb(x).max(least);
    let unit = libm::ldexp(1.0, exponent - digits + 1);
    let near = (x / unit).round_ties_even() * unit;
    if near.abs() > most {
        f64::INFINITY.copysign(x)
    } else {
        near
    }
}

/// The name of a type in `onnx.proto`.
fn type_name(data_type: i64) -> String {
    const NAMES: [&str; 27] = [
        "UNDEFINED",
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "STRING",
        "BOOL",
        "FLOAT16",
        "DOUBLE",
        "UINT32",
        "UINT64",
        "COMPLEX64",
        "COMPLEX128",
        "BFLOAT16",
        "FLOAT8E4M3FN",
        "FLOAT8E4M3FNUZ",
        "FLOAT8E5M2",
        "FLOAT8E5M2FNUZ",
        "UINT4",
        "INT4",
        "FLOAT4E2M1",
        "FLOAT8E8M0",
        "UINT2",
        "INT2",
    ];
    let known = usize::try_from(data_type).ok();
    let known = known.and_then(|index| NAMES.get(index));
    known.map_or_else(|| data_type.to_string(), |&name| name.to_owned())
}

/// The values of a tensor that declares `count` of them, and what kind of numbers they are. The number of values is
/// that of the data.
pub(super) fn values(tensor: &TensorProto, count: usize) -> Result<(Vec<f64>, Kind), String> {
    let raw = &tensor.raw;
    let narrow = |convert: fn(i32) -> f64| tensor.integers.iter().map(|&x| convert(x)).collect();
    let (values, kind) = match tensor.data_type {
        1 if raw.is_empty() => (tensor.reals.iter().map(|&x| x.into()).collect(), Kind::Real),
        1 => (words(raw, |b| f32::from_le_bytes(b).into())?, Kind::Real),
        11 if raw.is_empty() => (tensor.long_reals.clone(), Kind::Real),
        11 => (words(raw, f64::from_le_bytes)?, Kind::Real),
        10 if raw.is_empty() => (narrow(|x| half(x as u16).into()), Kind::Real),
        10 => (
            words(raw, |b| half(u16::from_le_bytes(b)).into())?,
            Kind::Real,
        ),
        16 if raw.is_empty() => (narrow(|x| brain(x as u16).into()), Kind::Real),
        16 => (
            words(raw, |b| brain(u16::from_le_bytes(b)).into())?,
            Kind::Real,
        ),
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
        21 | 22 | 25 | 26 => (packed(tensor, count)?, Kind::Integer),
        other => return Err(format!("it has {}", unread(other.into()))),
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
    let bits = bits(tensor.data_type.into())? as u64;
    Ok((values as u64 * bits).div_ceil(8))
}

/// Integers of 2 or 4 bits, several in a byte, the first in its lowest bits. The last byte may have room for more.
fn packed(tensor: &TensorProto, count: usize) -> Result<Vec<f64>, String> {
    let data_type = i64::from(tensor.data_type);
    let bits = bits(data_type)?;
    let Some((lo, hi)) = levels(data_type) else {
        return Err(format!("it has {}", unread(data_type)));
    };
    // without raw bytes, each integer is one byte
    let bytes: Vec<u8> = match tensor.raw.as_slice() {
        [] => tensor.integers.iter().map(|&byte| byte as u8).collect(),
        raw => raw.to_vec(),
    };
    let in_byte = 8 / bits;
    if bytes.len() != count.div_ceil(in_byte) {
        let bytes = bytes.len();
        return Err(format!(
            "{bytes} bytes are not {count} values of {bits} bits"
        ));
    }
    let value = |index: usize| {
        let digits = i64::from(bytes[index / in_byte] >> (index % in_byte * bits)) & (hi - lo);
        (if digits > hi {
            digits - (hi - lo + 1)
        } else {
            digits
        }) as f64
    };
    Ok((0..count).map(value).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data_type: i32, raw: &[u8], integers: &[i32]) -> TensorProto {
        TensorProto {
            data_type,
            raw: raw.to_vec(),
            integers: integers.to_vec(),
            ..TensorProto::default()
        }
    }

    #[test]
    fn narrow_integers_are_packed_from_the_lowest_bits_on() {
        let read = |tensor: &TensorProto, count| values(tensor, count).map(|(values, _)| values);
        assert_eq!(
            read(&tensor(22, &[0x8f, 0x07], &[]), 3),
            Ok(vec![-1.0, -8.0, 7.0])
        );
        assert_eq!(
            read(&tensor(21, &[], &[0x8f, 0x07]), 3),
            Ok(vec![15.0, 8.0, 7.0])
        );
        assert_eq!(
            read(&tensor(26, &[0b1110_0100], &[]), 4),
            Ok(vec![0.0, 1.0, -2.0, -1.0])
        );
        assert_eq!(
            read(&tensor(25, &[0b1110_0100], &[]), 4),
            Ok(vec![0.0, 1.0, 2.0, 3.0])
        );
        assert_eq!(
            read(&tensor(22, &[0x8f, 0x07], &[]), 5),
            Err("2 bytes are not 5 values of 4 bits".to_owned())
        );
    }

    #[test]
    fn a_type_that_is_not_read_is_named() {
        let read = values(&tensor(17, &[0], &[]), 1);
        assert_eq!(
            read.map(|(values, _)| values),
            Err("it has type FLOAT8E4M3FN, which is not read".to_owned())
        );
    }

    #[test]
    fn reals_are_rounded_to_the_digits_of_their_type() {
        // halves of the last digit go to the even neighbour
        assert_eq!(rounded(10, 2049.0), 2048.0);
        assert_eq!(rounded(10, 2051.0), 2052.0);
        assert_eq!(rounded(10, 65_519.0), 65_504.0);
        assert_eq!(rounded(10, -65_520.0), f64::NEG_INFINITY);
        assert_eq!(rounded(10, 3e-8), 2f64.powi(-25) * 2.0);
        assert_eq!(rounded(16, 257.0), 256.0);
        assert_eq!(rounded(16, 259.0), 260.0);
        assert_eq!(rounded(1, 0.1), f64::from(0.1f32));
        assert_eq!(rounded(11, 0.1), 0.1);
    }
}
