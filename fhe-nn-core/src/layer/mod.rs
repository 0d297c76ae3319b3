//! The types that users write in the fields of a network: one file per kind.
//!
//! A field's type is its layer; the values inside are the integers of the quantized model.

mod activation;
mod dense;
mod tables;

pub use activation::{
    Abs, Celu, Elu, Exp, Gelu, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu, Mish, Relu,
    Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Wave,
};
pub use dense::{Dense, Linear};
pub use tables::Tables;

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
    /// Of an activation with a table per neuron.
    Tables(Tables),
    /// An antiperiodic activation has one table, which its widths define: no integers.
    Antiperiodic,
}

/// The integers of one layer, borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PartRef<'a> {
    /// Of a linear layer.
    Linear(&'a Linear),
    /// Of an activation with a table per neuron.
    Tables(&'a Tables),
    /// An antiperiodic activation has one table, which its widths define: no integers.
    Antiperiodic,
}

impl Part {
    /// The same, borrowed.
    pub fn as_ref(&self) -> PartRef<'_> {
        match self {
            Part::Linear(linear) => PartRef::Linear(linear),
            Part::Tables(tables) => PartRef::Tables(tables),
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
