//! Activations: a lookup table on every accumulator.
//!
//! All but `Sign` and `Wave` are PyTorch's, with its default parameters; `Function` has their
//! values. A table costs the same whatever is in it.

use super::{Layer, Part, PartRef, Tables, sealed::Sealed};
use crate::Error;

/// `max(x, 0)`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Relu(Tables);

/// `min(max(x, 0), 6)`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Relu6(Tables);

/// `x` for `x >= 0`, else `0.01 x`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakyRelu(Tables);

/// `x` for `x > 0`, else `exp(x) - 1`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Elu(Tables);

/// `1.0507 x` for `x > 0`, else `1.0507 x 1.6733 (exp(x) - 1)`;
/// results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Selu(Tables);

/// `max(x, 0) + min(exp(x) - 1, 0)`, the same as [`Elu`];
/// results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Celu(Tables);

/// `x (1 + erf(x / sqrt 2)) / 2`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Gelu(Tables);

/// `x / (1 + exp(-x))`, also called swish; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Silu(Tables);

/// `x tanh(ln(1 + exp(x)))`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mish(Tables);

/// `ln(1 + exp(x))`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Softplus(Tables);

/// `x min(max(x + 3, 0), 6) / 6`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HardSwish(Tables);

/// `1 / (1 + exp(-x))`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sigmoid(Tables);

/// `min(max(x + 3, 0), 6) / 6`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HardSigmoid(Tables);

/// Hyperbolic tangent; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tanh(Tables);

/// `min(max(x, -1), 1)`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HardTanh(Tables);

/// `x / (1 + |x|)`; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Softsign(Tables);

/// The value itself, requantized; results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity(Tables);

/// `|x|`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Abs(Tables);

/// `x^2`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Square(Tables);

/// `exp(x)`; results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exp(Tables);

/// `+1` for values of at least 0, else `-1`; an antiperiodic table.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign(());

/// A triangle wave of `2^output` odd levels; an antiperiodic table.
///
/// In reals it has period 4, is `1 - x` on `[0, 2]` and `x - 3` on `[2, 4]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave(());

macro_rules! tabulated {
    ($($layer:ident),*) => {$(
        impl Sealed for $layer {}
        impl Layer for $layer {
            fn from_part(part: Part) -> Result<Self, Error> {
                match part {
                    Part::Tables(tables) => Ok($layer(tables)),
                    Part::Linear(_) | Part::Antiperiodic => Err(Error::PartMissing),
                }
            }
            fn part(&self) -> PartRef<'_> {
                PartRef::Tables(&self.0)
            }
        }
    )*};
}
tabulated!(
    Relu,
    Relu6,
    LeakyRelu,
    Elu,
    Selu,
    Celu,
    Gelu,
    Silu,
    Mish,
    Softplus,
    HardSwish,
    Sigmoid,
    HardSigmoid,
    Tanh,
    HardTanh,
    Softsign,
    Identity,
    Abs,
    Square,
    Exp
);

macro_rules! antiperiodic {
    ($($layer:ident),*) => {$(
        impl Sealed for $layer {}
        impl Layer for $layer {
            fn from_part(part: Part) -> Result<Self, Error> {
                match part {
                    Part::Antiperiodic => Ok($layer(())),
                    Part::Linear(_) | Part::Tables(_) => Err(Error::PartMissing),
                }
            }
            fn part(&self) -> PartRef<'_> {
                PartRef::Antiperiodic
            }
        }
    )*};
}
antiperiodic!(Sign, Wave);
