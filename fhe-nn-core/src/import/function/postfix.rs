//! Functions of one value as text, operands before their operation: `x 0.5 add tanh` is `tanh(x + 0.5)`.
//!
//! Text in this order needs no parentheses and no recursion, so a file from anywhere can be read.

use super::expr::{Expr, Form};
use super::operation::Operation;

/// The value that the function is computed of.
const ARGUMENT: &str = "x";
/// The greatest number of words that is read. Import stops at fewer.
const MAX_WORDS: usize = 4096;

/// Why a text is not a function.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum NotAFunction {
    #[error("`{word}` is neither `x`, a number nor an operation")]
    Word { word: String },
    #[error("`{operation}` has {found} operands before it, but takes {expected}")]
    Operands {
        operation: &'static str,
        found: usize,
        expected: usize,
    },
    #[error("`{word}` is not a number that a function can be written with")]
    NotANumber { word: String },
    #[error("it leaves {values} values, but must leave one")]
    Values { values: usize },
    #[error("it has {words} words, but at most {MAX_WORDS} are read")]
    TooLong { words: usize },
}

/// Writes a function of one value for the first channel.
pub(crate) fn write(expr: &Expr) -> String {
    let mut words = Vec::new();
    collect(expr, &mut words);
    words.join(" ")
}

fn collect(expr: &Expr, words: &mut Vec<String>) {
    match expr.form() {
        Form::Argument(_) => words.push(ARGUMENT.to_owned()),
        // the shortest text that is read back as the same number
        Form::Constant(_) => words.push(format!("{:?}", expr.value(&[], 0))),
        Form::Apply(operation, operands) => {
            operands.iter().for_each(|operand| collect(operand, words));
            words.push(operation.name().to_owned());
        }
    }
}

/// Reads a function of one value.
///
/// # Errors
/// [`NotAFunction`].
pub(crate) fn read(text: &str) -> Result<Expr, NotAFunction> {
    let words = text.split_whitespace().count();
    if words > MAX_WORDS {
        return Err(NotAFunction::TooLong { words });
    }
    let mut values: Vec<Expr> = Vec::new();
    for word in text.split_whitespace() {
        let value = if word == ARGUMENT {
            Expr::itself()
        } else if let Some(operation) = Operation::of_name(word) {
            let (found, expected) = (values.len(), operation.operands());
            let Some(first) = found.checked_sub(expected) else {
                let operation = operation.name();
                return Err(NotAFunction::Operands {
                    operation,
                    found,
                    expected,
                });
            };
            Expr::apply(operation, values.split_off(first))
        } else if let Ok(number) = word.parse::<f64>() {
            if number.is_nan() {
                let word = word.to_owned();
                return Err(NotAFunction::NotANumber { word });
            }
            Expr::constant(vec![number])
        } else {
            let word = word.to_owned();
            return Err(NotAFunction::Word { word });
        };
        values.push(value);
    }
    match values.pop() {
        Some(value) if values.is_empty() => Ok(value),
        last => {
            let values = values.len() + usize::from(last.is_some());
            Err(NotAFunction::Values { values })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_comes_back() {
        let x = Expr::itself;
        let select = Expr::apply(
            Operation::Select,
            vec![
                Expr::apply(
                    Operation::Less,
                    vec![x(), Expr::constant(vec![f64::INFINITY])],
                ),
                Expr::apply(Operation::Tanh, vec![x() + 0.1]),
                Expr::constant(vec![-1e-300]),
            ],
        );
        let text = write(&select);
        assert_eq!(text, "x inf less x 0.1 add tanh -1e-300 select");
        let back = read(&text).expect("it was written so");
        assert_eq!(write(&back), text);
        for value in [-3.0, 0.0, 0.3, f64::INFINITY] {
            assert_eq!(back.value(&[value], 0), select.value(&[value], 0));
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        for operation in Operation::ALL {
            assert_eq!(Operation::of_name(operation.name()), Some(operation));
            let operands = ["x"; 3][..operation.operands()].join(" ");
            let text = format!("{operands} {}", operation.name());
            assert_eq!(read(&text).map(|expr| write(&expr)), Ok(text));
        }
    }

    #[test]
    fn what_is_not_a_function_is_refused() {
        for (text, message) in [
            ("", "it leaves 0 values, but must leave one"),
            ("x x", "it leaves 2 values, but must leave one"),
            ("x add", "`add` has 1 operands before it, but takes 2"),
            (
                "x NaN add",
                "`NaN` is not a number that a function can be written with",
            ),
            ("x y add", "`y` is neither `x`, a number nor an operation"),
        ] {
            let reason = read(text).map(|expr| write(&expr)).expect_err(text);
            assert_eq!(reason.to_string(), message);
        }
        let long = vec!["x"; MAX_WORDS + 1].join(" ");
        assert!(matches!(read(&long), Err(NotAFunction::TooLong { .. })));
    }
}
