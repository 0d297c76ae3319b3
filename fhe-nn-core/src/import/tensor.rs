//! Tensors of constants, and how many values may be held.

use std::cell::Cell;
use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use super::error::ImportError;
use super::proto;

/// Most values that an import holds at once: constants, and places of the values of all tensors. A quarter of
/// a gigabyte.
const MAX_VALUES: usize = 1 << 25;

/// A tensor of constants, whatever its type was.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub(super) values: ArrayD<f64>,
    pub(super) kind: Kind,
    /// What integers its type has.
    pub(super) levels: Option<(i64, i64)>,
    /// If the values are integers times a scale, that scale.
    pub(super) grid: Option<WeightGrid>,
}

/// What a constant was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Real,
    Integer,
}

/// Values are integers times a scale: one for all, or one for each place along an axis.
#[derive(Debug, Clone)]
pub(super) struct WeightGrid {
    pub(super) scales: Rc<[f64]>,
    pub(super) axis: usize,
}

impl Constant {
    pub(super) fn new(values: ArrayD<f64>, kind: Kind) -> Self {
        Constant {
            values,
            kind,
            levels: None,
            grid: None,
        }
    }

    /// A vector of integers.
    pub(super) fn integers(values: impl IntoIterator<Item = usize>) -> Self {
        let values: ndarray::Array1<f64> = values.into_iter().map(|x| x as f64).collect();
        Constant::new(values.into_dyn(), Kind::Integer)
    }

    /// The only value; `None` if there are more.
    pub(super) fn scalar(&self) -> Option<f64> {
        match self.values.len() {
            1 => self.values.first().copied(),
            _ => None,
        }
    }

    /// Its values as integers, in row-major order.
    pub(super) fn to_integers(&self) -> Vec<i64> {
        self.values.iter().map(|&x| x as i64).collect()
    }

    /// # Errors
    /// [`ImportError::Tensor`] for other types, values that are elsewhere, and values that are not as many as
    /// declared.
    pub(super) fn decode(tensor: &proto::Tensor, budget: &Budget) -> Result<Self, ImportError> {
        let fail = |reason: String| ImportError::Tensor {
            tensor: tensor.name.clone(),
            reason,
        };
        if tensor.location != 0 {
            return Err(fail(
                "its values are in another file; export with the weights inside".to_owned(),
            ));
        }
        let mut shape = Vec::with_capacity(tensor.extents.len());
        for &extent in &tensor.extents {
            let size = usize::try_from(extent);
            shape.push(size.map_err(|_| fail(format!("an extent is {extent}")))?);
        }
        let product = shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        let declared = match product {
            Some(values) if values <= MAX_VALUES => values,
            _ => return Err(fail(format!("shape {shape:?} has too many values"))),
        };
        budget.take(declared, &tensor.name)?;
        let (values, kind) = values(tensor).map_err(&fail)?;
        if values.len() != declared {
            let actual = values.len();
            return Err(fail(format!(
                "shape {shape:?} declares {declared} values, but there are {actual}"
            )));
        }
        let values = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .map_err(|error| fail(error.to_string()))?;
        Ok(Constant {
            levels: levels(tensor.data_type.into()),
            ..Constant::new(values, kind)
        })
    }
}

/// The integers of a type of `onnx.proto` of at most 16 bits.
pub(super) fn levels(data_type: i64) -> Option<(i64, i64)> {
    match data_type {
        2 => Some((0, 255)),
        3 => Some((-128, 127)),
        4 => Some((0, 65_535)),
        5 => Some((-32_768, 32_767)),
        _ => None,
    }
}

/// How many values may still be held.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) fn new() -> Self {
        Budget(Cell::new(MAX_VALUES))
    }

    /// For the weights of layers, which may be held several times.
    pub(super) fn of_weights() -> Self {
        Budget(Cell::new(MAX_VALUES / 2))
    }

    /// # Errors
    /// [`ImportError::TooLarge`].
    pub(super) fn take(&self, values: usize, node: &str) -> Result<(), ImportError> {
        match self.0.get().checked_sub(values) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(ImportError::TooLarge {
                node: node.to_owned(),
                limit: MAX_VALUES,
            }),
        }
    }
}

/// The values of a tensor, by the numbers that `onnx.proto` gives to types.
fn values(tensor: &proto::Tensor) -> Result<(Vec<f64>, Kind), String> {
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

/// Little-endian words of so many bytes.
fn words<const N: usize>(raw: &[u8], convert: impl Fn([u8; N]) -> f64) -> Result<Vec<f64>, String> {
    match raw.as_chunks::<N>() {
        (words, []) => Ok(words.iter().map(|&word| convert(word)).collect()),
        _ => Err(format!("{} bytes are no values of {N} bytes", raw.len())),
    }
}

fn half(bits: u16) -> f64 {
    crate::floats::half(bits).into()
}

fn brain(bits: u16) -> f64 {
    f32::from_bits(u32::from(bits) << 16).into()
}
