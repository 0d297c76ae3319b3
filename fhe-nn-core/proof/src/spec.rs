//! What a declaration says, as data: the constant `SPEC` that `#[fhe_network]` generates.
//!
//! A [`Spec`] is made of numbers and names only. It is built at compile time from borrowed
//! parts, and read back from a model file into owned ones.
//!
//! Layers read tensors: tensor 0 is the input, tensor `i + 1` the result of layer i.

mod declare;
mod flow;
mod flow_error;
mod function;
mod laws;
mod layer;
mod result;
mod show;
mod tensor;
mod window;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use flow_error::FlowError;
pub use function::Function;
pub use layer::{
    ActivationSpec, ConvSpec, DenseSpec, EmbeddingSpec, Layer, LinearSpec, Op, Overflow, Pool,
    PoolSpec, Rounding,
};
pub use tensor::{Tensor, TensorKind};
pub use window::{Window, WindowError};

/// A declared network: its input and its layers in execution order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Name of the declared struct.
    pub name: Cow<'static, str>,
    /// Shape and width of one input.
    pub input: Input,
    /// Layers in the order in which they run.
    pub layers: Cow<'static, [Layer]>,
}

/// Shape and width of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Extents, slowest first (row-major).
    pub shape: Cow<'static, [usize]>,
    /// Inputs are unsigned integers of this many bits, 1 to 16.
    pub bits: u32,
    /// What tokens there are, if inputs are tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// Inputs that are no numbers but one of a vocabulary each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens are `0..vocabulary`.
    pub vocabulary: usize,
    /// What a client encrypts.
    pub encoding: Encoding,
}

/// What a client encrypts of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// As many values as the vocabulary has, one of them 1: a vector for it is an exact sum.
    OneHot,
    /// Its number: a vector for it takes a table for each of its values.
    Number,
}

impl Spec {
    /// The network with nothing in it, which stands in for one that did not compile.
    pub const EMPTY: Spec = Spec {
        name: Cow::Borrowed(""),
        input: Input::new(&[], 1),
        layers: Cow::Borrowed(&[]),
    };

    /// A network from compile-time parts.
    pub const fn new(name: &'static str, input: Input, layers: &'static [Layer]) -> Self {
        Spec {
            name: Cow::Borrowed(name),
            input,
            layers: Cow::Borrowed(layers),
        }
    }

    /// Number of values of one input, as the client passes them: tokens count as one.
    pub fn input_len(&self) -> usize {
        self.input.shape.iter().product()
    }

    /// Number of scores; 0 for a network without layers, or one whose layers do not fit together.
    pub fn output_len(&self) -> usize {
        let tensors = self.flow().unwrap_or_default();
        match self.layers.is_empty() {
            true => 0,
            false => tensors.last().map_or(0, Tensor::len),
        }
    }
}

impl Input {
    /// Extents (slowest first) and width of one input.
    pub const fn new(shape: &'static [usize], bits: u32) -> Self {
        Input {
            shape: Cow::Borrowed(shape),
            bits,
            tokens: None,
        }
    }

    /// Texts of so many tokens of a vocabulary, each encrypted as that many values, one of them 1.
    pub const fn one_hot(shape: &'static [usize], vocabulary: usize) -> Self {
        Input {
            shape: Cow::Borrowed(shape),
            bits: 1,
            tokens: Some(Tokens {
                vocabulary,
                encoding: Encoding::OneHot,
            }),
        }
    }

    /// Texts of so many tokens of a vocabulary, each encrypted as a number of so many bits.
    pub const fn numbers(shape: &'static [usize], vocabulary: usize, bits: u32) -> Self {
        Input {
            shape: Cow::Borrowed(shape),
            bits,
            tokens: Some(Tokens {
                vocabulary,
                encoding: Encoding::Number,
            }),
        }
    }
}
