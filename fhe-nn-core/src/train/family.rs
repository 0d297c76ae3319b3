//! Networks that are like a declared one, but for some of its numbers.

use std::fmt;

use fhe_nn_proof::spec::{Layer, Op, Spec};

use super::feasible::{follow, is_feasible};
use crate::Error;

/// Networks that are like a declared one, but for some of its numbers: every combination of them.
///
/// ```
/// use fhe_nn_core::prelude::*;
/// use fhe_nn_core::train::{Family, Number};
///
/// #[fhe_network(input(shape = [784], bits = 1))]
/// struct Digits {
///     #[bits(weights = 2, accumulator = 5, overflow = wrap)]
///     hidden: Dense<784, 64>,
///     #[bits(output = 3, phases = 4)]
///     wave: Wave,
///     #[bits(weights = 4)]
///     scores: Dense<256, 10>,
/// }
///
/// # fn main() -> Result<(), Error> {
/// let family = Family::of(Digits::SPEC)
///     .vary("hidden", Number::Neurons, [32, 64])
///     .vary("wave", Number::Phases, [1, 4]);
/// let members = family.members()?;
/// assert_eq!(members.len(), 4);
/// assert!(members[1].declaration(&[]).contains("scores: Dense<128, 10>"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Family {
    spec: Spec,
    varied: Vec<(String, Number, Vec<u32>)>,
}

/// A number of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Bits of the input, whose field is `input`.
    Bits,
    /// Neurons of a `Dense`, channels of a convolution, values of a vector.
    Neurons,
    /// Taps of a convolution's kernel along each axis.
    Kernel,
    /// Distance of its windows.
    Stride,
    /// `weights`.
    Weights,
    /// `accumulator`.
    Accumulator,
    /// `output`.
    Output,
    /// `table`.
    Table,
    /// `phases`.
    Phases,
}

impl Number {
    /// All of them.
    pub const ALL: [Number; 9] = [
        Number::Bits,
        Number::Neurons,
        Number::Kernel,
        Number::Stride,
        Number::Weights,
        Number::Accumulator,
        Number::Output,
        Number::Table,
        Number::Phases,
    ];

    /// As it is written in a declaration, and for those that are not, in prose.
    pub const fn name(self) -> &'static str {
        match self {
            Number::Bits => "bits",
            Number::Neurons => "neurons",
            Number::Kernel => "kernel",
            Number::Stride => "stride",
            Number::Weights => "weights",
            Number::Accumulator => "accumulator",
            Number::Output => "output",
            Number::Table => "table",
            Number::Phases => "phases",
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Family {
    /// The network itself.
    pub fn of(spec: &Spec) -> Self {
        Family {
            spec: spec.clone(),
            varied: Vec::new(),
        }
    }

    /// Every member with each of these instead.
    pub fn vary(
        mut self,
        field: &str,
        number: Number,
        values: impl IntoIterator<Item = u32>,
    ) -> Self {
        self.varied
            .push((field.to_owned(), number, values.into_iter().collect()));
        self
    }

    /// All members; the number that was varied last changes first. Sizes that follow from others follow, and so do
    /// accumulators that were not promised.
    ///
    /// # Errors
    /// [`Error::Varied`] for a field that there is not, or has no such number. Combinations that break a law of the
    /// language are left out.
    pub fn members(&self) -> Result<Vec<Spec>, Error> {
        let mut members = vec![self.spec.clone()];
        for (field, number, values) in &self.varied {
            let mut next = Vec::new();
            for member in &members {
                for &value in values {
                    let mut member = member.clone();
                    set(&mut member, field, *number, value).ok_or_else(|| Error::Varied {
                        network: self.spec.name.to_string(),
                        field: field.clone(),
                        number: number.name(),
                    })?;
                    next.push(member);
                }
            }
            members = next;
        }
        let followed = members.into_iter().map(|member| follow(member, &self.spec));
        Ok(followed.flatten().filter(is_feasible).collect())
    }
}

/// Sets a number; `None` if there is none.
fn set(spec: &mut Spec, field: &str, number: Number, value: u32) -> Option<()> {
    if field == "input" && number == Number::Bits {
        spec.input.bits = value;
        return Some(());
    }
    let layers = spec.layers.to_mut();
    let Layer { op, .. } = layers.iter_mut().find(|layer| layer.name == field)?;
    let size = value as usize;
    match (op, number) {
        (op, Number::Neurons) => *op.outputs_mut()? = size,
        (op, Number::Weights) => *op.weights_mut()? = value,
        (op, Number::Accumulator) => *op.accumulator_mut()? = value,
        (Op::Conv(conv), Number::Kernel) => conv.window.kernel = axes(conv.flat, size, 1),
        (Op::Conv(conv), Number::Stride) => conv.window.stride = axes(conv.flat, size, 1),
        (Op::Activation(act), Number::Output) => act.output = value,
        (Op::Activation(act), Number::Table) => act.table = Some(value),
        (Op::Activation(act), Number::Phases) => act.phases = value,
        _ => return None,
    }
    Some(())
}

fn axes(flat: bool, across: usize, else_down: usize) -> [usize; 2] {
    [if flat { else_down } else { across }, across]
}
