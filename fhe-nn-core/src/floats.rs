//! Named float tensors: the trained weights that a network is quantized from.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use fhe_nn_proof::error::ModelError;
use ndarray::{ArrayD, IxDyn};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::half::{brain, half};
use crate::kind::Kind;
use crate::{Error, file};

/// Float tensors by name. A layer `fc1` looks for `fc1.weight`, of shape `[outputs, inputs]` as in
/// PyTorch, and `fc1.bias`, of shape `[outputs]`, which may be absent.
///
/// Every value is finite.
///
/// ```
/// use fhe_nn_core::Floats;
/// use ndarray::{arr1, arr2};
///
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let mut state = Floats::new(); // or `Floats::load("model.safetensors")?`
/// state.insert("net.0.weight", arr2(&[[0.5, -1.0]]).into_dyn())?;
/// state.insert("net.0.bias", arr1(&[0.25]).into_dyn())?;
///
/// // a field `fc1` looks for `fc1.weight` and `fc1.bias`
/// let floats = state.renamed(&[("net.0", "fc1")])?;
/// assert_eq!(floats.get("fc1.weight").map(|weights| weights.shape()), Some(&[1, 2][..]));
/// assert!(floats.get("net.0.bias").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Floats(BTreeMap<String, ArrayD<f32>>);

impl Floats {
    /// Returns an empty set of tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads the tensors of a safetensors file, of type F32, F64, F16 or BF16. Integers of 64 bits are left
    /// out, since in a state dictionary they are counts.
    ///
    /// # Errors
    /// [`Error::Read`], [`ModelError::TooLarge`] and those of [`Floats::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read_as("float weights", path.as_ref(), Self::from_bytes)
    }

    /// Reads the tensors of a safetensors file in memory.
    ///
    /// # Errors
    /// [`ModelError::NotSafetensors`], [`ModelError::TensorType`] and [`Error::TensorNotFinite`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Kind::check(
            bytes,
            &[Kind::Safetensors],
            "float weights in a safetensors file",
        )?;
        let file = SafeTensors::deserialize(bytes).map_err(ModelError::not_safetensors)?;
        let mut floats = Self::new();
        for (name, view) in file.iter().filter(|(_, view)| view.dtype() != Dtype::I64) {
            let shape = IxDyn(view.shape());
            let tensor = ArrayD::from_shape_vec(shape, values(name, &view)?)
                .expect("a safetensors file holds as many values as its shapes declare");
            floats.insert(name, tensor)?;
        }
        Ok(floats)
    }

    /// Loads the tensors of an npz file, as `numpy.savez` and `numpy.savez_compressed` write it, of type
    /// float16, float32 or float64.
    ///
    /// # Errors
    /// [`Error::Read`], [`ModelError::TooLarge`], [`Error::Malformed`], [`ModelError::TensorType`] and
    /// [`Error::TensorNotFinite`].
    #[cfg(feature = "import")]
    pub fn load_npz(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read_as("float weights", path.as_ref(), Self::from_npz)
    }

    /// Reads the tensors of an npz file in memory; see [`Floats::load_npz`].
    ///
    /// # Errors
    /// Those of [`Floats::load_npz`].
    #[cfg(feature = "import")]
    pub fn from_npz(bytes: &[u8]) -> Result<Self, Error> {
        Kind::check(
            bytes,
            &[Kind::Npz, Kind::Archive],
            "float weights in an npz file",
        )?;
        let mut floats = Self::new();
        for (name, file) in crate::npz::files(bytes)? {
            let array = crate::npy::Npy::read(&name, &file)?;
            if array.element.is_float() {
                floats.insert(name, array.values)?;
            }
        }
        Ok(floats)
    }

    /// Returns the tensors as a safetensors file of type F32.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_with(None)
    }

    /// Returns the tensors as a safetensors file with these entries of metadata.
    pub(crate) fn to_bytes_with(&self, metadata: Option<HashMap<String, String>>) -> Vec<u8> {
        let bytes = |tensor: &ArrayD<f32>| -> Vec<u8> {
            tensor.iter().flat_map(|x| x.to_le_bytes()).collect()
        };
        let data: Vec<(&str, &[usize], Vec<u8>)> = self
            .iter()
            .map(|(name, tensor)| (name, tensor.shape(), bytes(tensor)))
            .collect();
        let views = data.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes);
            (name, view.expect("four bytes for each value"))
        });
        safetensors::serialize(views, metadata).expect("names are unique, and sizes fit")
    }

    /// Saves the tensors as a safetensors file of type F32.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes())
    }

    /// Inserts a tensor, replacing any of that name.
    ///
    /// # Errors
    /// [`Error::TensorNotFinite`], and [`Error::TensorReserved`] for a name that no file can hold.
    pub fn insert(&mut self, name: impl Into<String>, tensor: ArrayD<f32>) -> Result<(), Error> {
        let name = name.into();
        if name == "__metadata__" {
            return Err(Error::TensorReserved { tensor: name });
        }
        match tensor.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(Error::TensorNotFinite {
                tensor: name,
                index,
            }),
            None => {
                self.0.insert(name, tensor);
                Ok(())
            }
        }
    }

    /// Renames tensors to the names of fields. For each pair `(from, to)`, the tensor `from`, or every
    /// tensor of the layer `from`, gets the name `to`: `floats.renamed(&[("net.0", "fc1")])` turns
    /// `net.0.weight` into `fc1.weight`.
    ///
    /// # Errors
    /// [`Error::TensorTwice`] if two tensors would have one name.
    pub fn renamed(self, names: &[(&str, &str)]) -> Result<Self, Error> {
        let own = |name: &str| {
            let renamed = names
                .iter()
                .find_map(|(from, to)| match name.strip_prefix(from)? {
                    "" => Some((*to).to_owned()),
                    rest if rest.starts_with('.') => Some(format!("{to}{rest}")),
                    _ => None,
                });
            renamed.unwrap_or_else(|| name.to_owned())
        };
        let mut floats = Self::new();
        for (name, tensor) in self.0 {
            let name = own(&name);
            if floats.get(&name).is_some() {
                return Err(Error::TensorTwice { tensor: name });
            }
            floats.insert(name, tensor)?;
        }
        Ok(floats)
    }

    /// Leaves out tensors, by their names or by those of their layers: `floats.without(&["bn1"])` has no
    /// `bn1.running_mean`.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        let is_left = |tensor: &str| {
            names.iter().all(|name| match tensor.strip_prefix(name) {
                Some(rest) => !rest.is_empty() && !rest.starts_with('.'),
                None => true,
            })
        };
        self.0.retain(|tensor, _| is_left(tensor));
        self
    }

    /// Returns the tensor of that name.
    pub fn get(&self, name: &str) -> Option<&ArrayD<f32>> {
        self.0.get(name)
    }

    /// Removes a tensor, and returns it if there was one.
    #[cfg(any(feature = "import", feature = "train"))]
    pub(crate) fn take(&mut self, name: &str) -> Option<ArrayD<f32>> {
        self.0.remove(name)
    }

    /// Iterates over the names and their tensors, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArrayD<f32>)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Returns the tensor of that name in the given shape, or `None` if there is none.
    pub(crate) fn shaped<D: ndarray::Dimension>(
        &self,
        name: &str,
        shape: D,
    ) -> Result<Option<ndarray::ArrayView<'_, f32, D>>, ModelError> {
        let Some(tensor) = self.get(name) else {
            return Ok(None);
        };
        if tensor.shape() != shape.slice() {
            return Err(ModelError::TensorShape {
                tensor: name.to_owned(),
                expected: shape.slice().to_vec(),
                actual: tensor.shape().to_vec(),
            });
        }
        let view = tensor.view().into_dimensionality();
        Ok(Some(view.expect("the shapes are equal")))
    }
}

/// Reads the values of a tensor of any float type, which the format stores little-endian.
fn values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, ModelError> {
    let data = view.data();
    let (words, _) = data.as_chunks::<2>();
    Ok(match view.dtype() {
        Dtype::F32 => {
            let (values, _) = data.as_chunks::<4>();
            values.iter().map(|&b| f32::from_le_bytes(b)).collect()
        }
        Dtype::F64 => {
            let (values, _) = data.as_chunks::<8>();
            values
                .iter()
                .map(|&b| f64::from_le_bytes(b) as f32)
                .collect()
        }
        Dtype::F16 => words.iter().map(|&b| half(u16::from_le_bytes(b))).collect(),
        Dtype::BF16 => words
            .iter()
            .map(|&b| brain(u16::from_le_bytes(b)))
            .collect(),
        other => {
            return Err(ModelError::TensorType {
                tensor: name.to_owned(),
                expected: "F32, F64, F16 or BF16",
                actual: format!("{other:?}"),
            });
        }
    })
}
