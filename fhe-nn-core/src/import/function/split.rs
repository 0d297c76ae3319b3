//! How a function is split into lines, which go into weights and biases, and the rest, which is an activation.

use super::channel::at;
use super::expr::{Expr, Form};
use super::line::Line;
use super::operation::Operation;

impl From<&Line> for Expr {
    fn from(line: &Line) -> Self {
        if line.is_itself() {
            return Expr::itself();
        }
        let scaled = Expr::itself() * Expr::constant(line.slope.clone());
        scaled + Expr::constant(line.offset.clone())
    }
}

impl Expr {
    /// The line that the function is, if the tree has the form of one.
    pub(crate) fn line(&self) -> Option<Line> {
        match self.form() {
            Form::Argument(_) => Some(Line::itself()),
            Form::Constant(values) => Some(Line {
                slope: vec![0.0],
                offset: values.clone(),
            }),
            Form::Apply(operation, operands) => {
                let lines: Option<Vec<Line>> = operands.iter().map(Expr::line).collect();
                let lines = lines?;
                match (operation, lines.as_slice()) {
                    (Operation::Add, [a, b]) => Some(a.with(b, |a, b| a + b)),
                    (Operation::Sub, [a, b]) => Some(a.with(b, |a, b| a - b)),
                    (Operation::Mul, [a, b]) if b.is_constant() => Some(a.scaled(&b.offset)),
                    (Operation::Mul, [a, b]) if a.is_constant() => Some(b.scaled(&a.offset)),
                    (Operation::Div, [a, b]) if b.is_constant() => {
                        let inverse: Vec<f64> = b.offset.iter().map(|x| 1.0 / x).collect();
                        Some(a.scaled(&inverse))
                    }
                    _ if lines.iter().all(Line::is_constant) => {
                        let channels = lines.iter().map(|line| line.offset.len()).max()?;
                        let value = |channel| {
                            let mut values = [0.0; 3];
                            for (value, line) in values.iter_mut().zip(&lines) {
                                *value = at(&line.offset, channel);
                            }
                            operation.value(values)
                        };
                        Some(Line {
                            slope: vec![0.0],
                            offset: (0..channels).map(value).collect(),
                        })
                    }
                    _ => None,
                }
            }
        }
    }

    /// The largest parts of the tree that are lines and not constant, each once.
    pub(crate) fn lines_inside(&self) -> Vec<Line> {
        let mut found = Vec::new();
        self.collect_lines(&mut found);
        found
    }

    fn collect_lines(&self, found: &mut Vec<Line>) {
        match (self.line(), self.form()) {
            (Some(line), _) => {
                if !line.is_constant() && !found.contains(&line) {
                    found.push(line);
                }
            }
            (None, Form::Apply(_, operands)) => {
                operands
                    .iter()
                    .for_each(|operand| operand.collect_lines(found));
            }
            (None, _) => {}
        }
    }

    /// The function of `y = line(x)`: every part that computes the line becomes the argument.
    pub(crate) fn of_line(&self, line: &Line) -> Expr {
        match self.form() {
            _ if self.line().as_ref() == Some(line) => Expr::itself(),
            Form::Argument(_) | Form::Constant(_) => self.clone(),
            Form::Apply(operation, operands) => {
                let operands = operands.iter().map(|operand| operand.of_line(line));
                Expr::apply(*operation, operands.collect())
            }
        }
    }

    /// The outermost line `slope y + offset`, and the function `y` inside it.
    pub(crate) fn outermost(&self) -> Option<(Line, Expr)> {
        let Form::Apply(operation, operands) = self.form() else {
            return None;
        };
        let [a, b] = operands.as_slice() else {
            return None;
        };
        let lines = (a.line(), b.line());
        let constant = |line: &Option<Line>| {
            let line = line.as_ref()?;
            line.is_constant().then(|| line.offset.clone())
        };
        let (a_constant, b_constant) = (constant(&lines.0), constant(&lines.1));
        let negative = |values: Vec<f64>| values.into_iter().map(|x| -x).collect();
        let shift = |offset| Line {
            slope: vec![1.0],
            offset,
        };
        let scale = |slope| Line {
            slope,
            offset: vec![0.0],
        };
        Some(match (operation, a_constant, b_constant) {
            (Operation::Add, Some(c), None) => (shift(c), b.clone()),
            (Operation::Add, None, Some(c)) => (shift(c), a.clone()),
            (Operation::Sub, None, Some(c)) => (shift(negative(c)), a.clone()),
            (Operation::Sub, Some(offset), None) => (
                Line {
                    slope: vec![-1.0],
                    offset,
                },
                b.clone(),
            ),
            (Operation::Mul, Some(c), None) => (scale(c), b.clone()),
            (Operation::Mul, None, Some(c)) => (scale(c), a.clone()),
            (Operation::Div, None, Some(c)) => {
                (scale(c.iter().map(|x| 1.0 / x).collect()), a.clone())
            }
            _ => return None,
        })
    }
}
