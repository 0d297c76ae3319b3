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
    /// Which values share a scale and a zero point.
    #[serde(default, skip_serializing_if = "Scales::is_one")]
    pub scales: Scales,
}

/// Which values of an input share a scale and a zero point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Scales {
    /// All of them.
    #[default]
    One,
    /// Those of a channel, which is the first extent.
    PerChannel,
    /// None: each has its own.
    PerValue,
}

impl Scales {
    /// Every choice, behind the word that a declaration has for it.
    pub const ALL: [(&'static str, Scales); 3] = [
        ("one", Scales::One),
        ("per_channel", Scales::PerChannel),
        ("per_value", Scales::PerValue),
    ];

    /// Whether all values share one scale.
    pub const fn is_one(&self) -> bool {
        matches!(self, Scales::One)
    }

    /// Number of scales of an input of this shape, each with its zero point.
    pub fn count(self, shape: &[usize]) -> usize {
        match self {
            Scales::One => 1,
            Scales::PerChannel => shape.first().copied().unwrap_or(1),
            Scales::PerValue => shape.iter().product(),
        }
    }
}

impl fmt::Display for Scales {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scales::One => "one",
            Scales::PerChannel => "per_channel",
            Scales::PerValue => "per_value",
        })
    }
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
    /// Greatest number of scales: a client is told each of them.
    pub const MAX_SCALES: usize = 1 << 16;

    /// Extents (slowest first) and width of one input.
    pub const fn new(shape: &'static [usize], bits: u32) -> Self {
        Input {
            shape: Cow::Borrowed(shape),
            bits,
            tokens: None,
            scales: Scales::One,
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
            scales: Scales::One,
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
            scales: Scales::One,
        }
    }

    /// The input with other scales; by default, all values share one.
    pub const fn with_scales(mut self, scales: Scales) -> Self {
        self.scales = scales;
        self
    }

    /// Number of scales, each with its zero point.
    pub fn scale_count(&self) -> usize {
        self.scales.count(&self.shape)
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
