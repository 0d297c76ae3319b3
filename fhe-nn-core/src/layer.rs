//! The types that users write in the fields of a network, one file per kind.
//!
//! A field's type is its layer; the values inside are the integers of the quantized model.

mod activation;
mod axis;
mod combine;
mod conv;
mod dense;
mod embedding;
mod linear;
mod pool;

pub use activation::{
    Abs, Celu, Custom, Elu, Exp, Gelu, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu, Mish,
    Prelu, Relu, Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Threshold,
    Wave,
};
pub use axis::{Axis, Windows};
pub use combine::{Add, Concat, Flatten, Mul};
pub use conv::{Conv, Conv1d, Conv2d};
pub use dense::Dense;
pub use embedding::Embedding;
pub use fhe_nn_proof::part::{Linear, Part, Tables, Vectors};
pub use pool::{
    AvgPool, AvgPool1d, AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool, MaxPool1d, MaxPool2d,
};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{Combine, Op};
use ndarray::Array2;

#[cfg(feature = "train")]
pub(crate) use self::linear::is_smooth;
use crate::Error;
use crate::quantize::float::Float;
use crate::quantize::run::Run;
use crate::quantize::tensor::Tensor;
#[cfg(feature = "train")]
use crate::train::{Failure, forward::Forward, signal::Signal};

/// A layer that a field can have. Only the layers of this crate implement it.
#[doc(hidden)]
pub trait Layer: Sized + sealed::Sealed {
    /// Makes the layer from its integers. A part of another kind is an error.
    fn from_part(part: Part) -> Result<Self, ModelError>;
    /// The integers of the layer.
    fn part(&self) -> Part;
}

/// The computations of a layer in reals, in the quantizer and in training. The graph has those of an
/// encrypted run.
pub(crate) trait Compute {
    /// Computes the results in reals, `[samples, values]`, from operands in reals. The phases of an
    /// antiperiodic activation are those of its function over one period.
    fn float(
        &self,
        float: &Float<'_>,
        index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error>;

    /// Finds the layer's integers, and computes its results over the samples.
    fn quantize(&self, run: &mut Run<'_>, index: usize) -> Result<(Part, Tensor), Error>;

    /// Computes the results with the gradients of the reals that they stand for.
    #[cfg(feature = "train")]
    fn train(
        &self,
        forward: &mut Forward<'_>,
        index: usize,
        tensors: &[Signal],
    ) -> Result<Signal, Failure>;
}

/// The computations of a layer.
pub(crate) fn compute(op: &Op) -> &dyn Compute {
    match op {
        Op::Dense(_) | Op::Conv(_) => &linear::Weighted,
        Op::Embedding(embedding) => embedding,
        Op::Activation(act) => act,
        Op::Pool(pool) => pool,
        Op::Add => &Combine::Add,
        Op::Mul => &Combine::Mul,
        Op::Concat => &Combine::Concat,
        Op::Flatten => &Combine::Flatten,
    }
}

/// The parts of a model in the order of its layers, which are taken one by one.
#[derive(Debug)]
pub struct Parts(std::vec::IntoIter<Part>);

impl Parts {
    /// Parts in the order of the layers.
    pub fn new(parts: Vec<Part>) -> Self {
        Parts(parts.into_iter())
    }

    /// Takes the next layer.
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

/// Declares layers that hold nothing but the meaning of the integers that they read, and perhaps a marker of their
/// generics.
macro_rules! of_sources {
    ($([$($generics:tt)*] $layer:ty $(, $marker:expr)?;)*) => {$(
        impl $($generics)* Sealed for $layer {}
        impl $($generics)* Layer for $layer {
            fn from_part(part: Part) -> Result<Self, ModelError> {
                match part {
                    Part::Sources(sources) => Ok(Self(sources $(, $marker)?)),
                    _ => Err(ModelError::PartMissing),
                }
            }
            fn part(&self) -> Part {
                Part::Sources(self.0.clone())
            }
        }
    )*};
}
use of_sources;

/// The names of the layers that are not activations, and of what is in their types.
#[cfg(feature = "import")]
pub(crate) const NAMES: &[&str] = &[
    "Dense",
    "Conv1d",
    "Conv2d",
    "Conv",
    "Axis",
    "Embedding",
    "AvgPool",
    "MaxPool",
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
