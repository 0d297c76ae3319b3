//! The functions of activations: their names, their values in reals, their integer results.
//!
//! All but `Sign` (`+1` at 0), `Wave` and `Custom` are PyTorch's, by its documentation: the classes of
//! `torch.nn`, whose names differ in case (`ReLU`, `Hardswish`), and `torch.abs`, `torch.square` and
//! `torch.exp`. The formulas for users are at the layer types of `fhe-nn-core`; [`Function::value`] computes
//! them.

use serde::{Deserialize, Serialize};

use crate::widths::{Range, Reader};

/// The function in a lookup table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Function {
    /// Rectified linear unit.
    Relu,
    /// Rectified linear unit, at most 6.
    Relu6,
    /// Rectified linear unit with a slope below 0.
    LeakyRelu,
    /// Rectified linear unit with a learned slope below 0, one for all channels or one for each.
    Prelu,
    /// The value above a threshold, and a constant below it.
    Threshold,
    /// Exponential linear unit.
    Elu,
    /// Scaled exponential linear unit.
    Selu,
    /// Continuously differentiable exponential linear unit.
    Celu,
    /// Gaussian error linear unit, exact.
    Gelu,
    /// Sigmoid linear unit, also called swish.
    Silu,
    /// A smooth rectifier of `tanh` and `Softplus`.
    Mish,
    /// Smooth rectifier, linear from a threshold on.
    Softplus,
    /// Piecewise approximation of `Silu`.
    HardSwish,
    /// Logistic function.
    Sigmoid,
    /// Piecewise linear approximation of `Sigmoid`.
    HardSigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// The value, clamped to an interval.
    HardTanh,
    /// Quotient of the value and one plus its size.
    Softsign,
    /// The value itself, which is only requantized.
    Identity,
    /// Absolute value.
    Abs,
    /// Square.
    Square,
    /// Exponential function.
    Exp,
    /// Sign, `+1` at 0; antiperiodic.
    Sign,
    /// Triangle wave of period 4; antiperiodic.
    Wave,
    /// A user's function.
    Custom,
}

use Function::{
    Abs, Celu, Custom, Elu, Exp, Gelu, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu, Mish,
    Prelu, Relu, Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Threshold,
    Wave,
};

/// Factor of `Selu` (Klambauer et al. 2017, "Self-Normalizing Neural Networks"; PyTorch's digits).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
/// Factor of its negative part.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

impl Function {
    /// Every function by family, in the order of the documentation.
    pub const FAMILIES: [(&'static str, &'static [Function]); 6] = [
        ("rectifiers", &[Relu, Relu6, LeakyRelu, Prelu, Threshold]),
        (
            "smooth rectifiers",
            &[Elu, Selu, Celu, Gelu, Silu, Mish, Softplus, HardSwish],
        ),
        (
            "sigmoids",
            &[Sigmoid, HardSigmoid, Tanh, HardTanh, Softsign],
        ),
        ("elementary", &[Identity, Abs, Square, Exp]),
        ("antiperiodic", &[Sign, Wave]),
        ("a function of your own", &[Custom]),
    ];

    /// Every function, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Function> {
        let families = Function::FAMILIES.into_iter();
        families.flat_map(|(_, functions)| functions.iter().copied())
    }

    /// The name of the layer type that users write.
    pub const fn name(self) -> &'static str {
        match self {
            Relu => "Relu",
            Relu6 => "Relu6",
            LeakyRelu => "LeakyRelu",
            Prelu => "Prelu",
            Threshold => "Threshold",
            Elu => "Elu",
            Selu => "Selu",
            Celu => "Celu",
            Gelu => "Gelu",
            Silu => "Silu",
            Mish => "Mish",
            Softplus => "Softplus",
            HardSwish => "HardSwish",
            Sigmoid => "Sigmoid",
            HardSigmoid => "HardSigmoid",
            Tanh => "Tanh",
            HardTanh => "HardTanh",
            Softsign => "Softsign",
            Identity => "Identity",
            Abs => "Abs",
            Square => "Square",
            Exp => "Exp",
            Sign => "Sign",
            Wave => "Wave",
            Custom => "Custom",
        }
    }

    /// Its parameters, by the names that PyTorch gives them, with their defaults. A parameter without a
    /// default must be given. Each is one number, or one for every channel.
    pub const fn parameters(self) -> &'static [(&'static str, Option<f64>)] {
        match self {
            LeakyRelu => &[("negative_slope", Some(0.01))],
            Prelu => &[("weight", None)],
            Threshold => &[("threshold", None), ("value", None)],
            Elu | Celu => &[("alpha", Some(1.0))],
            Softplus => &[("beta", Some(1.0)), ("threshold", Some(20.0))],
            HardSigmoid => &[("alpha", Some(1.0 / 6.0)), ("beta", Some(0.5))],
            HardTanh => &[("min_val", Some(-1.0)), ("max_val", Some(1.0))],
            Relu | Relu6 | Selu | Gelu | Silu | Mish | HardSwish | Sigmoid | Tanh | Softsign
            | Identity | Abs | Square | Exp | Sign | Wave | Custom => &[],
        }
    }

    /// The value at a finite `x` with the [`parameters`](Function::parameters), which are finite: never NaN.
    /// `Square`, `Exp` and others overflow to infinity. Computed with `libm`, so that it is the same on
    /// every machine.
    ///
    /// # Panics
    /// If there are fewer parameters, and for `Custom`, whose values only its user knows.
    pub fn value(self, x: f64, parameters: &[f64]) -> f64 {
        let logistic = |x: f64| 1.0 / (1.0 + libm::exp(-x));
        let softplus = |x: f64| {
            if x > 20.0 {
                x
            } else {
                libm::log1p(libm::exp(x))
            }
        };
        match (self, parameters) {
            (Relu, _) => x.max(0.0),
            (Relu6, _) => x.clamp(0.0, 6.0),
            (LeakyRelu | Prelu, [slope, ..]) => {
                if x >= 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            (Threshold, [threshold, value, ..]) => {
                if x > *threshold {
                    x
                } else {
                    *value
                }
            }
            (Elu | Celu, _) if x > 0.0 => x,
            (Elu, [alpha, ..]) => alpha * libm::expm1(x),
            // the limit as the parameter approaches 0
            (Celu, [0.0, ..]) => 0.0,
            (Celu, [alpha, ..]) => alpha * libm::expm1(x / alpha),
            (Selu, _) if x > 0.0 => SELU_SCALE * x,
            (Selu, _) => SELU_SCALE * SELU_ALPHA * libm::expm1(x),
            // 1 + erf(y) is erfc(-y), which does not cancel
            (Gelu, _) => 0.5 * x * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2),
            (Silu, _) => x * logistic(x),
            (Mish, _) => x * libm::tanh(softplus(x)),
            (Softplus, [beta, threshold, ..]) => {
                if beta * x > *threshold {
                    x
                } else {
                    libm::log1p(libm::exp(beta * x)) / beta
                }
            }
            (HardSwish, _) => x * ((x + 3.0).clamp(0.0, 6.0) / 6.0),
            (Sigmoid, _) => logistic(x),
            (HardSigmoid, [alpha, beta, ..]) => (alpha * x + beta).clamp(0.0, 1.0),
            (Tanh, _) => libm::tanh(x),
            (HardTanh, [least, most, ..]) => x.max(*least).min(*most),
            (Softsign, _) => x / (1.0 + x.abs()),
            (Identity, _) => x,
            (Abs, _) => x.abs(),
            (Square, _) => x * x,
            (Exp, _) => libm::exp(x),
            (Sign, _) if x >= 0.0 => 1.0,
            (Sign, _) => -1.0,
            (Wave, _) => match x.rem_euclid(4.0) {
                x if x <= 2.0 => 1.0 - x,
                x => x - 3.0,
            },
            (
                Custom | LeakyRelu | Prelu | Threshold | Elu | Celu | Softplus | HardSigmoid
                | HardTanh,
                _,
            ) => panic!("`{}` has parameters, or is unknown", self.name()),
        }
    }

    /// Whether the function never decreases as `x` grows, with the default parameters.
    pub const fn is_monotone(self) -> bool {
        match self {
            Relu | Relu6 | LeakyRelu | Elu | Selu | Celu | Softplus | Sigmoid | HardSigmoid
            | Tanh | HardTanh | Softsign | Identity | Exp | Sign => true,
            Prelu | Threshold | Gelu | Silu | Mish | HardSwish | Abs | Square | Wave | Custom => {
                false
            }
        }
    }

    /// Whether the function has the opposite value half a period further on. Such a table does not need
    /// a padding bit: `T[r + 2^(p-1)] = -T[r]` is what a bootstrap does by itself.
    pub const fn is_antiperiodic(self) -> bool {
        matches!(self, Sign | Wave)
    }

    /// The way in which its table reads accumulators.
    pub const fn reader(self) -> Reader {
        if self.is_antiperiodic() {
            Reader::Antiperiodic
        } else {
            Reader::Padded
        }
    }

    /// The range of results of `output` bits: `[0, 2^b - 1]` for functions
    /// that are never negative, `[-2^(b-1), 2^(b-1) - 1]` for others, and the odd levels of
    /// `[-(2^b - 1), 2^b - 1]` for `Wave`; `Sign` is `Wave` of one bit.
    pub const fn range(self, output: u32) -> Range {
        match self {
            Relu | Relu6 | Softplus | Sigmoid | HardSigmoid | Abs | Square | Exp => {
                Range::unsigned(output)
            }
            LeakyRelu | Prelu | Threshold | Elu | Selu | Celu | Gelu | Silu | Mish | HardSwish
            | Tanh | HardTanh | Softsign | Identity | Custom => Range::signed(output),
            Sign | Wave => {
                let level = (1 << output) - 1;
                Range {
                    lo: -level,
                    hi: level,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
