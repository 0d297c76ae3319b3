//! Functions of single values, as trees: what the nodes between two layers compute.

use std::ops;
use std::sync::Arc;

use super::channel::at;
use super::operation::Operation;

/// A function of its arguments. The function that is computed of a tensor has one: the tensor's value.
///
/// A constant is one number, or one for each channel.
#[derive(Debug, Clone)]
pub(crate) struct Expr(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    form: Form,
    /// The number of operations in the tree.
    size: usize,
    /// The number of channels for which the constants differ; 1 if they do not.
    channels: usize,
}

#[derive(Debug)]
pub(crate) enum Form {
    Argument(usize),
    Constant(Vec<f64>),
    Apply(Operation, Vec<Expr>),
}

impl Expr {
    /// The argument with an index.
    pub(crate) fn argument(index: usize) -> Self {
        Expr::new(Form::Argument(index))
    }

    /// The value of the tensor itself.
    pub(crate) fn itself() -> Self {
        Expr::argument(0)
    }

    /// A constant: one number, or one for each channel.
    pub(crate) fn constant(values: Vec<f64>) -> Self {
        Expr::new(Form::Constant(values))
    }

    /// An operation on other expressions.
    pub(crate) fn apply(operation: Operation, operands: Vec<Expr>) -> Self {
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

    /// The outermost form.
    pub(crate) fn form(&self) -> &Form {
        &self.0.form
    }

    /// The number of operations in the tree.
    pub(crate) fn size(&self) -> usize {
        self.0.size
    }

    /// The number of channels for which the function differs; 1 if it does not.
    pub(crate) fn channels(&self) -> usize {
        self.0.channels
    }

    /// Whether both are the same tree. Different trees may compute the same.
    pub(crate) fn is(&self, other: &Expr) -> bool {
        let (own, others) = (&self.0, &other.0);
        Arc::ptr_eq(own, others)
            || matches!((&own.form, &others.form), (Form::Argument(a), Form::Argument(b)) if a == b)
    }

    /// Whether the function is the value of the tensor itself.
    pub(crate) fn is_itself(&self) -> bool {
        matches!(self.0.form, Form::Argument(0))
    }

    /// Whether integers stay what they are, as they do in casts to other types.
    pub(crate) fn keeps_integers(&self) -> bool {
        match &self.0.form {
            Form::Argument(_) => true,
            Form::Apply(Operation::Trunc, operands) => operands.iter().all(Expr::keeps_integers),
            Form::Constant(_) | Form::Apply(..) => false,
        }
    }

    /// The finite constants of a channel that are not 0; at most 32 of them.
    pub(crate) fn constants(&self, channel: usize) -> Vec<f64> {
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

    /// The value for a channel.
    pub(crate) fn value(&self, arguments: &[f64], channel: usize) -> f64 {
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

    /// The same function of channels of which each is as many in a row.
    pub(crate) fn repeated(&self, count: usize) -> Expr {
        match &self.0.form {
            Form::Argument(_) => self.clone(),
            Form::Constant(values) if values.len() == 1 => self.clone(),
            Form::Constant(values) => {
                let values = values.iter();
                let each = values.flat_map(|&value| std::iter::repeat_n(value, count));
                Expr::constant(each.collect())
            }
            Form::Apply(operation, operands) => {
                let operands = operands.iter().map(|operand| operand.repeated(count));
                Expr::apply(*operation, operands.collect())
            }
        }
    }

    /// The same function of other arguments.
    pub(crate) fn of(&self, arguments: &[Expr]) -> Expr {
        match &self.0.form {
            Form::Argument(index) => arguments.get(*index).unwrap_or(self).clone(),
            Form::Constant(_) => self.clone(),
            Form::Apply(operation, operands) => {
                let operands = operands.iter().map(|operand| operand.of(arguments));
                Expr::apply(*operation, operands.collect())
            }
        }
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
