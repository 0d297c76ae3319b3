//! Tensors of a model file, written and read.

use std::borrow::Cow;

use safetensors::{Dtype, SafeTensors, View};

use crate::error::ModelError;

/// A tensor to be written.
pub(crate) struct Tensor {
    dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Tensor {
    /// A tensor from the little-endian bytes of its values.
    pub(super) fn new<const N: usize>(
        dtype: Dtype,
        shape: Vec<usize>,
        values: impl IntoIterator<Item = [u8; N]>,
    ) -> Self {
        let bytes = values.into_iter().flatten().collect();
        Tensor {
            dtype,
            shape,
            bytes,
        }
    }
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The tensors of a file that is written, by name.
#[derive(Default)]
pub(crate) struct Writer {
    pub(super) tensors: Vec<(String, Tensor)>,
}

impl Writer {
    /// Adds a tensor of a layer.
    pub(super) fn push(&mut self, layer: &str, field: &str, tensor: Tensor) {
        self.tensors.push((format!("{layer}.{field}"), tensor));
    }
}

/// A value of a tensor, with the name of its type.
pub(crate) trait Value: Sized {
    /// Type in the file.
    const DTYPE: (Dtype, &'static str);
    /// Values from little-endian bytes.
    fn all(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! values {
    ($($value:ty = $dtype:ident),*) => {$(
        impl Value for $value {
            const DTYPE: (Dtype, &'static str) = (Dtype::$dtype, stringify!($dtype));
            fn all(bytes: &[u8]) -> Vec<Self> {
                let (values, _) = bytes.as_chunks();
                values.iter().map(|&bytes| <$value>::from_le_bytes(bytes)).collect()
            }
        }
    )*};
}
values!(i8 = I8, i16 = I16, i64 = I64, u8 = U8, f64 = F64);

/// Values of the tensor with this name, type and shape.
///
/// # Errors
/// [`ModelError::TensorMissing`], [`ModelError::TensorType`] and [`ModelError::TensorShape`].
pub(super) fn values<T: Value>(
    file: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<T>, ModelError> {
    let tensor = || name.to_owned();
    let view = file
        .tensor(name)
        .map_err(|_| ModelError::TensorMissing { tensor: tensor() })?;
    let (dtype, expected) = T::DTYPE;
    if view.dtype() != dtype {
        return Err(ModelError::TensorType {
            tensor: tensor(),
            expected,
            actual: format!("{:?}", view.dtype()),
        });
    }
    if view.shape() != shape {
        return Err(ModelError::TensorShape {
            tensor: tensor(),
            expected: shape.to_vec(),
            actual: view.shape().to_vec(),
        });
    }
    Ok(T::all(view.data()))
}
