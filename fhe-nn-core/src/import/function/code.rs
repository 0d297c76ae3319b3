//! Functions of single values as Rust code.

use super::expr::{Expr, Form};
use super::operation::Operation;

/// The code of a function `name` that computes an expression; `None` if channels differ, or the standard library
/// lacks an operation.
pub(crate) fn function(name: &str, expr: &Expr) -> Option<String> {
    let code = Code::of(expr)?.operand();
    Some(format!(
        "fn {name}(x: f32) -> f32 {{\n    let x = f64::from(x);\n    {code} as f32\n}}\n"
    ))
}

/// A Rust expression of `x: f64`.
struct Code {
    text: String,
    /// Whether it can be an operand without parentheses.
    is_atom: bool,
}

impl Code {
    fn of(expr: &Expr) -> Option<Self> {
        let atom = |text: String| {
            Some(Code {
                text,
                is_atom: true,
            })
        };
        let (operation, operands) = match expr.form() {
            Form::Argument(_) => return atom("x".to_owned()),
            Form::Constant(values) => match values.as_slice() {
                [one] if one.is_finite() => {
                    return Some(Code {
                        text: format!("{one:?}_f64"),
                        is_atom: *one >= 0.0,
                    });
                }
                _ => return None,
            },
            Form::Apply(operation, operands) => (*operation, operands.as_slice()),
        };
        if let Some(sign) = infix(operation) {
            let text = binary(sign, operands)?;
            return Some(Code {
                text,
                is_atom: false,
            });
        }
        if let Some(test) = comparison(operation, operands)? {
            return atom(format!("f64::from(u8::from({test}))"));
        }
        match (operation, operands) {
            (Operation::Select, [test, yes, no]) => {
                let test = match test.form() {
                    Form::Apply(operation, operands) => comparison(*operation, operands)?,
                    _ => None,
                };
                let test = match test {
                    Some(test) => test,
                    None => format!("{} != 0.0", Code::of(&operands[0])?.operand()),
                };
                let (yes, no) = (Code::of(yes)?.text, Code::of(no)?.text);
                Some(Code {
                    text: format!("if {test} {{ {yes} }} else {{ {no} }}"),
                    is_atom: false,
                })
            }
            (Operation::Sign, [x]) => {
                let x = Code::of(x)?.operand();
                Some(Code {
                    text: format!("if {x} == 0.0 {{ 0.0 }} else {{ {x}.signum() }}"),
                    is_atom: false,
                })
            }
            (_, [x, others @ ..]) => {
                let others: Option<Vec<String>> = others
                    .iter()
                    .map(|other| Some(Code::of(other)?.text))
                    .collect();
                let (x, others) = (Code::of(x)?.operand(), others?.join(", "));
                atom(format!("{x}.{}({others})", method(operation)?))
            }
            (_, []) => None,
        }
    }

    fn operand(self) -> String {
        if self.is_atom {
            self.text
        } else {
            format!("({})", self.text)
        }
    }
}

fn binary(sign: &str, operands: &[Expr]) -> Option<String> {
    let [a, b] = operands else { return None };
    let (a, b) = (Code::of(a)?.operand(), Code::of(b)?.operand());
    Some(format!("{a} {sign} {b}"))
}

/// The code of a condition; the inner `None` if the operation is not a comparison.
fn comparison(operation: Operation, operands: &[Expr]) -> Option<Option<String>> {
    let sign = match operation {
        Operation::Less => "<",
        Operation::LessOrEqual => "<=",
        Operation::Equal => "==",
        _ => return Some(None),
    };
    binary(sign, operands).map(Some)
}

fn infix(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Add => Some("+"),
        Operation::Sub => Some("-"),
        Operation::Mul => Some("*"),
        Operation::Div => Some("/"),
        _ => None,
    }
}

fn method(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Pow => "powf",
        Operation::Min => "min",
        Operation::Max => "max",
        Operation::Exp => "exp",
        Operation::Log => "ln",
        Operation::Sqrt => "sqrt",
        Operation::Tanh => "tanh",
        Operation::Abs => "abs",
        Operation::Floor => "floor",
        Operation::Ceil => "ceil",
        Operation::Trunc => "trunc",
        Operation::Round => "round_ties_even",
        Operation::Sin => "sin",
        Operation::Cos => "cos",
        _ => return None,
    })
}
