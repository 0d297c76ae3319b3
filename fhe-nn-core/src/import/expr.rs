//! Functions of single values, as trees: what the nodes between two layers compute.

use std::ops;
use std::sync::Arc;

use super::line::{Line, at};
use super::operation::Operation;

/// A function of its arguments; of one, the value of a tensor, where it is that of a tensor.
///
/// Constants are one number, or one for each channel.
#[derive(Debug, Clone)]
pub(super) struct Expr(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    form: Form,
    /// Operations in the tree.
    size: usize,
    /// For how many channels its constants differ; 1 if they do not.
    channels: usize,
}

#[derive(Debug)]
pub(super) enum Form {
    Argument(usize),
    Constant(Vec<f64>),
    Apply(Operation, Vec<Expr>),
}

impl Expr {
    /// The argument of that number.
    pub(super) fn argument(index: usize) -> Self {
        Expr::new(Form::Argument(index))
    }

    /// The value of the tensor itself.
    pub(super) fn itself() -> Self {
        Expr::argument(0)
    }

    /// One number, or one for each channel.
    pub(super) fn constant(values: Vec<f64>) -> Self {
        Expr::new(Form::Constant(values))
    }

    /// An operation on others.
    pub(super) fn apply(operation: Operation, operands: Vec<Expr>) -> Self {
        Expr::new(Form::Apply(operation, operands))
    }

    fn new(form: Form) -> Self {
        let (size, channels) = match &form {
            Form::Argument(_) => (1, 1),
            Form::Constant(values) => (1, values.len()),
            Form::Apply(_, operands) => {
                operands.iter().fold((1, 1), |(size, channels), operand| {
                    let (own, others) = (operand.0.size, operand.0.channels);
                    (own.saturating_add(size), channels.max(others))
                })
            }
        };
        Expr(Arc::new(Inner {
            form,
            size,
            channels,
        }))
    }

    /// What it is made of.
    pub(super) fn form(&self) -> &Form {
        &self.0.form
    }

    /// How many operations it takes.
    pub(super) fn size(&self) -> usize {
        self.0.size
    }

    /// For how many channels it differs; 1 if it does not.
    pub(super) fn channels(&self) -> usize {
        self.0.channels
    }

    /// Whether it is the same by its making, not by what it computes.
    pub(super) fn is(&self, other: &Expr) -> bool {
        let (own, others) = (&self.0, &other.0);
        Arc::ptr_eq(own, others)
            || matches!((&own.form, &others.form), (Form::Argument(a), Form::Argument(b)) if a == b)
    }

    /// Whether it is the value of the tensor itself.
    pub(super) fn is_itself(&self) -> bool {
        matches!(self.0.form, Form::Argument(0))
    }

    /// Whether integers stay what they are, as they do when they are cast to another type.
    pub(super) fn keeps_integers(&self) -> bool {
        match &self.0.form {
            Form::Argument(_) => true,
            Form::Apply(Operation::Trunc, operands) => operands.iter().all(Expr::keeps_integers),
            Form::Constant(_) | Form::Apply(..) => false,
        }
    }

    /// The finite numbers in it that are not 0, for a channel; some, if there are many.
    pub(super) fn constants(&self, channel: usize) -> Vec<f64> {
        let mut constants = Vec::new();
        self.collect_constants(channel, &mut constants);
        constants
    }

    fn collect_constants(&self, channel: usize, found: &mut Vec<f64>) {
        const MOST: usize = 32;
        match &self.0.form {
            Form::Argument(_) => {}
            Form::Constant(values) => {
                let value = at(values, channel);
                if value.is_finite()
                    && value != 0.0
                    && found.len() < MOST
                    && !found.contains(&value)
                {
                    found.push(value);
                }
            }
            Form::Apply(_, operands) => {
                operands
                    .iter()
                    .for_each(|operand| operand.collect_constants(channel, found));
            }
        }
    }

    /// Its value for a channel.
    pub(super) fn value(&self, arguments: &[f64], channel: usize) -> f64 {
        match &self.0.form {
            Form::Argument(index) => arguments.get(*index).copied().unwrap_or(f64::NAN),
            Form::Constant(values) => at(values, channel),
            Form::Apply(operation, operands) => {
                let mut values = [0.0; 3];
                for (value, operand) in values.iter_mut().zip(operands) {
                    *value = operand.value(arguments, channel);
                }
                operation.value(values)
            }
        }
    }

    /// The same of other arguments.
    pub(super) fn of(&self, arguments: &[Expr]) -> Expr {
        match &self.0.form {
            Form::Argument(index) => arguments.get(*index).unwrap_or(self).clone(),
            Form::Constant(_) => self.clone(),
            Form::Apply(operation, operands) => {
                let operands = operands.iter().map(|operand| operand.of(arguments));
                Expr::apply(*operation, operands.collect())
            }
        }
    }

    /// Itself as a line, if it is made as one.
    pub(super) fn line(&self) -> Option<Line> {
        match &self.0.form {
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

    /// The largest parts of it that are lines and not constant, each once.
    pub(super) fn lines_inside(&self) -> Vec<Line> {
        let mut found = Vec::new();
        self.collect_lines(&mut found);
        found
    }

    fn collect_lines(&self, found: &mut Vec<Line>) {
        match (self.line(), &self.0.form) {
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

    /// The same of a line, where it computes the line.
    pub(super) fn of_line(&self, line: &Line) -> Expr {
        match &self.0.form {
            _ if self.line().as_ref() == Some(line) => Expr::itself(),
            Form::Argument(_) | Form::Constant(_) => self.clone(),
            Form::Apply(operation, operands) => {
                let operands = operands.iter().map(|operand| operand.of_line(line));
                Expr::apply(*operation, operands.collect())
            }
        }
    }

    /// A line of something else, of which it is made: `slope y + offset`, and y.
    pub(super) fn outermost(&self) -> Option<(Line, Expr)> {
        let Form::Apply(operation, operands) = &self.0.form else {
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

macro_rules! operators {
    ($($trait:ident::$method:ident => $operation:ident;)*) => {$(
        impl ops::$trait for Expr {
            type Output = Expr;
            fn $method(self, other: Expr) -> Expr {
                Expr::apply(Operation::$operation, vec![self, other])
            }
        }
        impl ops::$trait<f64> for Expr {
            type Output = Expr;
            fn $method(self, other: f64) -> Expr {
                Expr::apply(Operation::$operation, vec![self, Expr::constant(vec![other])])
            }
        }
    )*};
}
operators!(
    Add::add => Add;
    Sub::sub => Sub;
    Mul::mul => Mul;
    Div::div => Div;
);
