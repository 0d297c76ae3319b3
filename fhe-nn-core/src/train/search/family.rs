//! Families of networks: variants of a declared network.

use std::fmt;

use fhe_nn_proof::spec::{Layer, Op, Spec};

use crate::Error;
use crate::train::TrainError;
use crate::train::feasible::{follow, is_feasible};

/// A family of networks: every combination of some numbers in a declared network.
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
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let family = Family::new(Digits::SPEC)
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

/// A number in a declaration that a family can vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Number {
    /// Bits of the input. Its field is called `input`.
    Bits,
    /// Neurons of a `Dense`, output channels of a convolution, or values of the vector of a token.
    Neurons,
    /// Size of a convolution's kernel along each axis.
    Kernel,
    /// Stride of a convolution along each axis.
    Stride,
    /// `weights`: bits of each weight.
    Weights,
    /// `accumulator`: bits of the sums.
    Accumulator,
    /// `output`: bits of an activation's results.
    Output,
    /// `table`: bits that a lookup table reads.
    Table,
    /// `phases`: number of phases of an activation.
    Phases,
}

impl Number {
    /// All numbers.
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

    /// The key in a declaration, or a plain name for a number that has no key.
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
    /// A family of one member, the network itself.
    pub fn new(spec: &Spec) -> Self {
        Family {
            spec: spec.clone(),
            varied: Vec::new(),
        }
    }

    /// Adds a variation: replaces every member by one member for each of these values.
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

    /// All members of the family. The number that was varied last changes first.
    ///
    /// Input sizes of later layers are adapted to the varied ones, and so are accumulators that were not promised.
    /// Combinations that break a law of the language are left out.
    ///
    /// # Errors
    /// [`TrainError::NothingToVary`] if a field does not exist or does not have the number.
    pub fn members(&self) -> Result<Vec<Spec>, Error> {
        let mut members = vec![self.spec.clone()];
        for (field, number, values) in &self.varied {
            let mut next = Vec::new();
            for member in &members {
                for &value in values {
                    let mut member = member.clone();
                    set(&mut member, field, *number, value).ok_or_else(|| {
                        TrainError::NothingToVary {
                            network: self.spec.name.to_string(),
                            field: field.clone(),
                            number: number.name(),
                        }
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

/// Sets a number of a field. The result is `None` if the field does not exist or does not have the number.
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
        (op, Number::Accumulator) => *op.held_mut()?.0 = value,
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
