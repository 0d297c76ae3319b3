//! One input of a network.

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::tensor::{Tensor, TensorKind};
use crate::widths::Range;

/// Shape and width of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Extents, slowest first (row-major).
    pub shape: Cow<'static, [usize]>,
    /// Inputs are unsigned integers of this many bits, 1 to 16.
    pub bits: u32,
    /// The vocabulary, if inputs are tokens; `None` if they are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// A vocabulary, for inputs that are tokens: each is an index below the vocabulary size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens are `0..vocabulary`.
    pub vocabulary: usize,
    /// How a client encrypts a token.
    pub encoding: Encoding,
}

/// How a client encrypts a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// As one value for each token of the vocabulary, one of them 1: its vector is an exact sum.
    OneHot,
    /// As its number: its vector takes a table for each of the vector's values.
    Number,
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

    /// Texts of tokens, each encrypted as `vocabulary` values, one of which is 1.
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

    /// Texts of tokens from a vocabulary, each encrypted as a number of `bits` bits.
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

    /// The facts of the input.
    pub fn tensor(&self) -> Tensor {
        Tensor {
            shape: match self.tokens {
                Some(Tokens {
                    vocabulary,
                    encoding: Encoding::OneHot,
                }) => vec![vocabulary, self.shape.iter().product()],
                Some(_) => vec![self.shape.iter().product()],
                None => self.shape.to_vec(),
            },
            range: Range::unsigned(self.bits),
            odd: false,
            kind: match self.tokens {
                None => TensorKind::Values,
                Some(_) => TensorKind::Tokens,
            },
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::OneHot => "one-hot",
            Encoding::Number => "by number",
        })
    }
}
