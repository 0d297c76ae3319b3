//! The functions of activations: their names, their values in reals, their integer results.
//!
//! All but `Sign` (`+1` at 0) and `Wave` are PyTorch's, by its documentation and with its default
//! parameters: the classes of `torch.nn`, whose names differ in case (`ReLU`, `Hardswish`), and
//! `torch.abs`, `torch.square` and `torch.exp`.

use serde::{Deserialize, Serialize};

use crate::widths::{Range, Reader};

/// The function in a lookup table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Function {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x` for `x >= 0`, else `0.01 x`.
    LeakyRelu,
    /// `x` for `x > 0`, else `exp(x) - 1`.
    Elu,
    /// `1.0507 x` for `x > 0`, else `1.0507 x 1.6733 (exp(x) - 1)`.
    Selu,
    /// `max(x, 0) + min(exp(x) - 1, 0)`; as its parameter is 1, the same as `Elu`.
    Celu,
    /// `x (1 + erf(x / sqrt 2)) / 2`.
    Gelu,
    /// `x / (1 + exp(-x))`, also called swish.
    Silu,
    /// `x tanh(ln(1 + exp(x)))`.
    Mish,
    /// `ln(1 + exp(x))` for `x <= 20`, else `x`.
    Softplus,
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `min(max(x, -1), 1)`.
    HardTanh,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x`: only requantizes.
    Identity,
    /// `|x|`.
    Abs,
    /// `x^2`.
    Square,
    /// `exp(x)`.
    Exp,
    /// `+1` for `x >= 0`, else `-1`; antiperiodic.
    Sign,
    /// A triangle wave of period 4 from `+1` at 0 to `-1` at 2; antiperiodic.
    Wave,
}

use Function::{
    Abs, Celu, Elu, Exp, Gelu, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu, Mish, Relu,
    Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Wave,
};

/// Factor of `Selu` (Klambauer et al. 2017, "Self-Normalizing Neural Networks"; PyTorch's digits).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
/// Factor of its negative part.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

impl Function {
    /// Every function by family, in the order of the documentation.
    pub const FAMILIES: [(&'static str, &'static [Function]); 5] = [
        ("rectifiers", &[Relu, Relu6, LeakyRelu]),
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
        }
    }

    /// The value at a finite `x`, never NaN; `Square`, `Exp` and, beyond 1e308, `Selu` overflow to
    /// infinity. Computed with `libm`, so that it is the same on every machine.
    pub fn value(self, x: f64) -> f64 {
        let logistic = |x: f64| 1.0 / (1.0 + libm::exp(-x));
        let softplus = |x: f64| {
            if x > 20.0 {
                x
            } else {
                libm::log1p(libm::exp(x))
            }
        };
        let hard_sigmoid = |x: f64| (x + 3.0).clamp(0.0, 6.0) / 6.0;
        match self {
            Relu => x.max(0.0),
            Relu6 => x.clamp(0.0, 6.0),
            LeakyRelu => x.max(0.01 * x),
            Elu | Celu if x > 0.0 => x,
            Elu | Celu => libm::expm1(x),
            Selu if x > 0.0 => SELU_SCALE * x,
            Selu => SELU_SCALE * SELU_ALPHA * libm::expm1(x),
            // 1 + erf(y) is erfc(-y), which does not cancel
            Gelu => 0.5 * x * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2),
            Silu => x * logistic(x),
            Mish => x * libm::tanh(softplus(x)),
            Softplus => softplus(x),
            HardSwish => x * hard_sigmoid(x),
            Sigmoid => logistic(x),
            HardSigmoid => hard_sigmoid(x),
            Tanh => libm::tanh(x),
            HardTanh => x.clamp(-1.0, 1.0),
            Softsign => x / (1.0 + x.abs()),
            Identity => x,
            Abs => x.abs(),
            Square => x * x,
            Exp => libm::exp(x),
            Sign if x >= 0.0 => 1.0,
            Sign => -1.0,
            Wave => match x.rem_euclid(4.0) {
                x if x <= 2.0 => 1.0 - x,
                x => x - 3.0,
            },
        }
    }

    /// Whether half a period further the function has the opposite value. Such a table needs no
    /// padding bit: `T[r + 2^(p-1)] = -T[r]` is what a bootstrap does by itself.
    pub const fn is_antiperiodic(self) -> bool {
        matches!(self, Sign | Wave)
    }

    /// How its table reads accumulators.
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
            LeakyRelu | Elu | Selu | Celu | Gelu | Silu | Mish | HardSwish | Tanh | HardTanh
            | Softsign | Identity => Range::signed(output),
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
