//! The types that users write in the fields of a network: one file per kind.
//!
//! A field's type is its layer; the values inside are the integers of the quantized model.

mod activation;
mod conv;
mod dense;
mod embedding;
mod sums;

pub use activation::{
    Abs, Celu, Custom, Elu, Exp, Gelu, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu, Mish,
    Prelu, Relu, Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Threshold,
    Wave,
};
pub use conv::{Conv1d, Conv2d};
pub use dense::Dense;
pub use embedding::Embedding;
pub use fhe_nn_proof::part::{Linear, Part, Tables, Vectors};
pub use sums::{
    Add, AvgPool1d, AvgPool2d, Concat, Flatten, GlobalAvgPool, GlobalMaxPool, MaxPool1d, MaxPool2d,
    Mul,
};

use fhe_nn_proof::error::ModelError;

/// A layer that a field can have. Implemented by the layers of this crate only.
#[doc(hidden)]
pub trait Layer: Sized + sealed::Sealed {
    /// The layer around its integers; a part of another kind is an error.
    fn from_part(part: Part) -> Result<Self, ModelError>;
    /// The integers inside.
    fn part(&self) -> Part;
}

/// The parts of a model in the order of its layers, to be taken one by one.
#[derive(Debug)]
pub struct Parts(std::vec::IntoIter<Part>);

impl Parts {
    /// Parts in the order of the layers.
    pub fn new(parts: Vec<Part>) -> Self {
        Parts(parts.into_iter())
    }

    /// The next layer.
    pub fn take<L: Layer>(&mut self) -> Result<L, ModelError> {
        L::from_part(self.0.next().ok_or(ModelError::PartMissing)?)
    }
}

/// Stands in for a layer type that does not exist, so that the error about it is the only one.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub enum Unknown {}

mod sealed {
    pub trait Sealed {}
}

/// The names of the layers that are not activations.
#[cfg(feature = "import")]
pub(crate) const NAMES: &[&str] = &[
    "Dense",
    "Conv1d",
    "Conv2d",
    "Embedding",
    "AvgPool1d",
    "AvgPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Flatten",
    "Add",
    "Concat",
    "Mul",
];
