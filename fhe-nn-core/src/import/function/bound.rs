//! The range of a function of single values, by interval arithmetic.

use super::channel::at;
use super::expr::{Expr, Form};
use super::operation::Operation;

/// A least and a greatest value, either of which may be infinite.
type Interval = [f64; 2];

const ALL: Interval = [f64::NEG_INFINITY, f64::INFINITY];

/// Whether a function has no negative value for arguments of at least `least`.
pub(crate) fn is_never_negative(e: &Expr, least: f64) -> bool {
    (0..e.channels()).all(|channel| range(e, [least, f64::INFINITY], channel)[0] >= 0.0)
}

/// A range that contains every value for arguments in a range.
fn range(e: &Expr, argument: Interval, channel: usize) -> Interval {
    let (operation, operands) = match e.form() {
        Form::Argument(0) => return argument,
        Form::Argument(_) => return ALL,
        Form::Constant(values) => return checked([at(values, channel); 2]),
        Form::Apply(operation, operands) => (*operation, operands),
    };
    let own = |index: usize| match operands.get(index) {
        Some(operand) => range(operand, argument, channel),
        None => ALL,
    };
    let (a, b) = (own(0), own(1));
    let increases = |of: fn(f64) -> f64| [of(a[0]), of(a[1])];
    checked(match operation {
        Operation::Add => [a[0] + b[0], a[1] + b[1]],
        Operation::Sub => [a[0] - b[1], a[1] - b[0]],
        Operation::Mul => products(a, b),
        Operation::Div if b[0] > 0.0 || b[1] < 0.0 => products(a, [1.0 / b[1], 1.0 / b[0]]),
        Operation::Pow if a[0] >= 0.0 => [0.0, f64::INFINITY],
        Operation::Pow if b[0] == b[1] && b[0] % 2.0 == 0.0 => [0.0, f64::INFINITY],
        Operation::Min => [a[0].min(b[0]), a[1].min(b[1])],
        Operation::Max => [a[0].max(b[0]), a[1].max(b[1])],
        Operation::Less | Operation::LessOrEqual | Operation::Equal => [0.0, 1.0],
        Operation::Select => {
            let c = own(2);
            [b[0].min(c[0]), b[1].max(c[1])]
        }
        Operation::Exp => increases(libm::exp),
        Operation::Sqrt => [0.0, f64::INFINITY],
        Operation::Tanh => increases(libm::tanh),
        Operation::Erf => increases(libm::erf),
        Operation::Abs if a[0] >= 0.0 => a,
        Operation::Abs if a[1] <= 0.0 => [-a[1], -a[0]],
        Operation::Abs => [0.0, a[1].max(-a[0])],
        Operation::Sign => increases(f64::signum).map(|sign| sign.clamp(-1.0, 1.0)),
        Operation::Floor => increases(f64::floor),
        Operation::Ceil => increases(f64::ceil),
        Operation::Trunc => increases(f64::trunc),
        Operation::Round => increases(f64::round_ties_even),
        Operation::Sin | Operation::Cos => [-1.0, 1.0],
        Operation::Div | Operation::Pow | Operation::Log => ALL,
    })
}

/// The products of the values of two ranges; an end that is 0 makes 0 of an infinite one.
fn products(a: Interval, b: Interval) -> Interval {
    let product = |x: f64, y: f64| if x == 0.0 || y == 0.0 { 0.0 } else { x * y };
    let all = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| product(a[i], b[j]));
    let least = all.into_iter().fold(f64::INFINITY, f64::min);
    [least, all.into_iter().fold(f64::NEG_INFINITY, f64::max)]
}

/// The range, or every value if an end is not a number.
fn checked(range: Interval) -> Interval {
    if range.iter().any(|end| end.is_nan()) {
        ALL
    } else {
        range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(value: f64) -> Expr {
        Expr::constant(vec![value])
    }

    #[test]
    fn functions_that_cut_at_zero_are_never_negative() {
        let x = Expr::itself;
        let relu = Expr::apply(Operation::Max, vec![x(), constant(0.0)]);
        let relu6 = Expr::apply(Operation::Min, vec![relu.clone(), constant(6.0)]);
        let minus = x() * -1.0;
        let exp = Expr::apply(Operation::Exp, vec![minus]);
        let sigmoid = constant(1.0) / (exp + 1.0);
        let square = Expr::apply(Operation::Pow, vec![x(), constant(2.0)]);
        for function in [relu.clone(), relu6.clone(), sigmoid.clone(), square] {
            assert!(is_never_negative(&function, f64::NEG_INFINITY));
        }
        let shifted = relu6 - 1.0;
        let silu = x() * sigmoid;
        let by_channel = relu.clone() * Expr::constant(vec![1.0, -1.0]).of(&[]);
        for function in [shifted, silu.clone(), by_channel, x()] {
            assert!(!is_never_negative(&function, f64::NEG_INFINITY));
        }
        assert!(is_never_negative(&x(), 0.0) && is_never_negative(&silu, 0.0));
    }
}
