//! Operators that compute each value by itself, as formulas.

use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Operation};
use crate::import::onnx::Node;

/// `1 / (1 + exp(-x))`.
pub(super) fn sigmoid(x: Expr) -> Expr {
    let exp = Expr::apply(Operation::Exp, vec![Expr::constant(vec![0.0]) - x]);
    Expr::constant(vec![1.0]) / (exp + 1.0)
}

/// The formula of a node that computes each value by itself, whose arguments are the operands in order; `None` for
/// other operators. `operands` says which operands are given.
///
/// # Errors
/// A refusal of attributes with which the operator computes something else.
pub(super) fn formula(node: &Node, operands: &[bool]) -> Result<Option<Expr>, Refusal> {
    let argument = Expr::argument;
    let x = || argument(0);
    let number = |value: f64| Expr::constant(vec![value]);
    let unary = |operation, x| Expr::apply(operation, vec![x]);
    let binary = |operation, a, b| Expr::apply(operation, vec![a, b]);
    let select = |test, yes, no| Expr::apply(Operation::Select, vec![test, yes, no]);
    let exp = |x| unary(Operation::Exp, x);
    let tanh = |x| unary(Operation::Tanh, x);
    let max = |a, b| binary(Operation::Max, a, b);
    let min = |a, b| binary(Operation::Min, a, b);
    let clip = |x, lo, hi| min(max(x, lo), hi);
    let is_positive = |x| binary(Operation::Less, number(0.0), x);
    // ln(1 + exp x) = max(x, 0) + ln(1 + exp(-|x|)), which does not overflow
    let softplus = |x: Expr| {
        let rest = exp(number(0.0) - unary(Operation::Abs, x.clone())) + 1.0;
        max(x, number(0.0)) + unary(Operation::Log, rest)
    };
    let all = |operation| {
        let others = (1..operands.len()).map(argument);
        others.fold(argument(0), |all, other| binary(operation, all, other))
    };
    let given = |index: usize| operands.get(index).copied().unwrap_or(false);
    let real = |name, default| node.real(name, default);
    Ok(Some(match node.operator.as_str() {
        "Identity" => x(),
        "Dropout" => x(),
        "Add" => argument(0) + argument(1),
        "Sub" => argument(0) - argument(1),
        "Mul" => argument(0) * argument(1),
        "Div" => argument(0) / argument(1),
        "Pow" => binary(Operation::Pow, argument(0), argument(1)),
        "Sum" => all(Operation::Add),
        "Min" => all(Operation::Min),
        "Max" => all(Operation::Max),
        "Less" => binary(Operation::Less, argument(0), argument(1)),
        "LessOrEqual" => binary(Operation::LessOrEqual, argument(0), argument(1)),
        "Greater" => binary(Operation::Less, argument(1), argument(0)),
        "GreaterOrEqual" => binary(Operation::LessOrEqual, argument(1), argument(0)),
        "Equal" => binary(Operation::Equal, argument(0), argument(1)),
        "Not" => number(1.0) - x(),
        "And" => argument(0) * argument(1),
        "Or" => max(argument(0), argument(1)),
        "Where" => select(argument(0), argument(1), argument(2)),
        "Neg" => number(0.0) - x(),
        "Reciprocal" => number(1.0) / x(),
        "Abs" => unary(Operation::Abs, x()),
        "Exp" => exp(x()),
        "Log" => unary(Operation::Log, x()),
        "Sqrt" => unary(Operation::Sqrt, x()),
        "Erf" => unary(Operation::Erf, x()),
        "Sign" => unary(Operation::Sign, x()),
        "Floor" => unary(Operation::Floor, x()),
        "Ceil" => unary(Operation::Ceil, x()),
        "Round" => unary(Operation::Round, x()),
        "Sin" => unary(Operation::Sin, x()),
        "Cos" => unary(Operation::Cos, x()),
        "Tanh" => tanh(x()),
        "Sigmoid" => sigmoid(x()),
        "Softplus" => softplus(x()),
        "Softsign" => x() / (unary(Operation::Abs, x()) + 1.0),
        "Relu" => max(x(), number(0.0)),
        "LeakyRelu" => select(is_positive(x()), x(), x() * real("alpha", 0.01)),
        "PRelu" => select(is_positive(x()), x(), argument(1) * x()),
        "Elu" => {
            let negative = (exp(x()) - 1.0) * real("alpha", 1.0);
            select(is_positive(x()), x(), negative)
        }
        "Selu" => {
            let negative = (exp(x()) - 1.0) * real("alpha", 1.673_263_192_176_818_8);
            select(is_positive(x()), x(), negative) * real("gamma", 1.050_701)
        }
        "Celu" => {
            let alpha = real("alpha", 1.0);
            let negative = (exp(x() / alpha) - 1.0) * alpha;
            max(x(), number(0.0)) + min(negative, number(0.0))
        }
        "ThresholdedRelu" => {
            let alpha = number(real("alpha", 1.0));
            select(binary(Operation::Less, alpha, x()), x(), number(0.0))
        }
        "HardSigmoid" => {
            let line = x() * real("alpha", 0.2) + real("beta", 0.5);
            clip(line, number(0.0), number(1.0))
        }
        "HardSwish" => x() * clip(x() / 6.0 + 0.5, number(0.0), number(1.0)),
        "Mish" => x() * tanh(softplus(x())),
        "Gelu" => match node.text("approximate").unwrap_or("none") {
            "none" => {
                let root = std::f64::consts::FRAC_1_SQRT_2;
                (unary(Operation::Erf, x() * root) + 1.0) * x() * 0.5
            }
            _ => {
                let cube = x() * x() * x() * 0.044_715;
                let root = (2.0 / std::f64::consts::PI).sqrt();
                (tanh((x() + cube) * root) + 1.0) * x() * 0.5
            }
        },
        "Swish" => x() * sigmoid(x() * real("alpha", 1.0)),
        "Shrink" => {
            let (limit, bias) = (real("lambd", 0.5), real("bias", 0.0));
            let above = binary(Operation::Less, number(limit), x());
            let below = binary(Operation::Less, x(), number(-limit));
            select(above, x() - bias, select(below, x() + bias, number(0.0)))
        }
        // the limits were attributes before version 11
        "Clip" if node.version < 11 => {
            let limit = |name, default| number(real(name, default));
            clip(x(), limit("min", f64::MIN), limit("max", f64::MAX))
        }
        "Clip" => {
            let above = if given(1) { max(x(), argument(1)) } else { x() };
            if given(2) {
                min(above, argument(2))
            } else {
                above
            }
        }
        // the operands are scale, bias, mean and variance of each channel
        "BatchNormalization" => {
            if node.integer("training_mode", 0) != 0 {
                return refuse("it trains: export in evaluation mode");
            }
            let deviation = unary(Operation::Sqrt, argument(4) + real("epsilon", 1e-5));
            (x() - argument(3)) / deviation * argument(1) + argument(2)
        }
        _ => return Ok(None),
    }))
}
