//! The types that users write in the fields of a network: one file per kind.
//!
//! A field's type is its layer; the values inside are the integers of the quantized model.

mod activation;
mod conv;
mod dense;
mod embedding;
mod sums;
mod tables;

pub use activation::{
    Abs, Celu, Custom, Elu, Exp, Gelu, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu, Mish,
    Prelu, Relu, Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Threshold,
    Wave,
};
pub use conv::{Conv1d, Conv2d};
pub use dense::{Dense, Linear};
pub use embedding::{Embedding, Vectors};
pub(crate) use sums::result_of;
pub use sums::{
    Add, AvgPool1d, AvgPool2d, Concat, Flatten, GlobalAvgPool, GlobalMaxPool, MaxPool1d, MaxPool2d,
    Mul,
};
pub use tables::Tables;

use fhe_nn_proof::client::Affine;

use crate::Error;

/// A layer that a field can have. Implemented by the layers of this crate only.
#[doc(hidden)]
pub trait Layer: Sized + sealed::Sealed {
    /// The layer around its integers; a part of another kind is an error.
    fn from_part(part: Part) -> Result<Self, Error>;
    /// The integers inside.
    fn part(&self) -> PartRef<'_>;
}

/// The integers of one layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Of a linear layer.
    Linear(Linear),
    /// Of an embedding.
    Embedding(Vectors),
    /// Of an activation with a table per channel.
    Tables(Tables),
    /// Of a layer that has no integers but knows what those mean that it reads.
    Sources(Vec<Affine>),
    /// An antiperiodic activation has one table, which its widths define: no integers.
    Antiperiodic,
}

/// The integers of one layer, borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PartRef<'a> {
    /// Of a linear layer.
    Linear(&'a Linear),
    /// Of an embedding.
    Embedding(&'a Vectors),
    /// Of an activation with a table per channel.
    Tables(&'a Tables),
    /// Of a layer that has no integers but knows what those mean that it reads.
    Sources(&'a [Affine]),
    /// An antiperiodic activation has one table, which its widths define: no integers.
    Antiperiodic,
}

impl Part {
    /// The same, borrowed.
    pub fn as_ref(&self) -> PartRef<'_> {
        match self {
            Part::Linear(linear) => PartRef::Linear(linear),
            Part::Embedding(vectors) => PartRef::Embedding(vectors),
            Part::Tables(tables) => PartRef::Tables(tables),
            Part::Sources(sources) => PartRef::Sources(sources),
            Part::Antiperiodic => PartRef::Antiperiodic,
        }
    }
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
    pub fn take<L: Layer>(&mut self) -> Result<L, Error> {
        L::from_part(self.0.next().ok_or(Error::PartMissing)?)
    }
}

/// Stands in for a layer type that does not exist, so that the error about it is the only one.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub enum Unknown {}

mod sealed {
    pub trait Sealed {}
}
