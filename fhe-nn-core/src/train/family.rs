//! Networks that are like a declared one, but for some of its numbers.

use std::fmt;

use fhe_nn_proof::spec::{Layer, Op, Overflow, Pool, Spec};
use fhe_nn_proof::widths::{MAX_ANTIPERIODIC_TABLE_BITS, MAX_OUTPUT_BITS, MAX_TABLE_BITS, Range};

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
    /// [`Error::Varied`] for a field that there is not, or has no such number. Combinations that break a law of the language
    /// are left out.
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
        Ok(followed.flatten().filter(is_lawful).collect())
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
        (Op::Dense(dense), Number::Neurons) => dense.outputs = size,
        (Op::Dense(dense), Number::Weights) => dense.weights = value,
        (Op::Dense(dense), Number::Accumulator) => dense.accumulator = value,
        (Op::Conv(conv), Number::Neurons) => conv.window.outputs = size,
        (Op::Conv(conv), Number::Kernel) => conv.window.kernel = axes(conv.flat, size, 1),
        (Op::Conv(conv), Number::Stride) => conv.window.stride = axes(conv.flat, size, 1),
        (Op::Conv(conv), Number::Weights) => conv.weights = value,
        (Op::Conv(conv), Number::Accumulator) => conv.accumulator = value,
        (Op::Embedding(embedding), Number::Neurons) => embedding.dimension = size,
        (Op::Embedding(embedding), Number::Weights) => embedding.weights = value,
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

/// Makes sizes and worst cases follow; `None` for layers that cannot read what comes to them.
fn follow(mut spec: Spec, origin: &Spec) -> Option<Spec> {
    if !has_lawful_numbers(&spec) {
        return None;
    }
    let before = origin.flow().ok()?;
    let mut facts = vec![spec.input.tensor()];
    for index in 0..spec.layers.len() {
        let sources = spec.sources(index);
        let first = facts[sources[0]].clone();
        let was_worst = |op: &Op| {
            let linear = op.linear()?;
            Some(linear.worst_case(before[sources[0]].range)? == linear.accumulator)
        };
        let own = &origin.layers[index].op;
        let follows =
            was_worst(own) == Some(true) && accumulator(own) == accumulator(&spec.layers[index].op);
        let layer = &mut spec.layers.to_mut()[index];
        match &mut layer.op {
            Op::Dense(dense) => dense.inputs = first.len(),
            Op::Conv(conv) => {
                conv.window.channels = first.shape[0];
                conv.window.input = area(&first.shape);
                conv.window.check().ok()?;
            }
            Op::Pool(pool) => {
                let is_global = pool.window.kernel == pool.window.input;
                (pool.window.channels, pool.window.outputs) = (first.shape[0], first.shape[0]);
                pool.window.groups = first.shape[0];
                pool.window.input = area(&first.shape);
                if is_global {
                    pool.window.kernel = pool.window.input;
                }
                pool.window.check().ok()?;
            }
            Op::Embedding(_) | Op::Activation(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => {
            }
        }
        if follows {
            let worst = layer.op.linear()?.worst_case(first.range)?;
            if !ACCUMULATORS.contains(&worst) {
                return None;
            }
            match &mut layer.op {
                Op::Dense(dense) => dense.accumulator = worst,
                Op::Conv(conv) => conv.accumulator = worst,
                _ => {}
            }
        }
        let operands: Vec<_> = sources.iter().map(|&source| &facts[source]).collect();
        let fact = layer.op.result(&operands).ok()?;
        facts.push(fact);
    }
    spec.flow().ok()?;
    Some(spec)
}

/// What `accumulator` may be.
const ACCUMULATORS: std::ops::RangeInclusive<u32> = 2..=32;

/// Whether every number is one that its key takes, and a size that there can be.
fn has_lawful_numbers(spec: &Spec) -> bool {
    (1..=16).contains(&spec.input.bits)
        && spec.layers.iter().all(|layer| match &layer.op {
            Op::Dense(dense) => {
                (2..=16).contains(&dense.weights)
                    && ACCUMULATORS.contains(&dense.accumulator)
                    && dense.outputs > 0
            }
            Op::Conv(conv) => {
                (2..=16).contains(&conv.weights)
                    && ACCUMULATORS.contains(&conv.accumulator)
                    // a window that is far too great has no number of taps
                    && conv.window.kernel.iter().all(|&taps| taps <= MAX_TAPS)
            }
            Op::Embedding(embedding) => {
                (2..=16).contains(&embedding.weights) && embedding.dimension > 0
            }
            Op::Activation(act) => (1..=8).contains(&act.output) && act.phases > 0,
            Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => true,
        })
}

/// Taps of a kernel along an axis: no input is as long.
const MAX_TAPS: usize = 1 << 16;

fn accumulator(op: &Op) -> Option<u32> {
    match op {
        Op::Dense(dense) => Some(dense.accumulator),
        Op::Conv(conv) => Some(conv.accumulator),
        _ => None,
    }
}

/// Height and width of `[channels, height, width]` or `[channels, length]`.
fn area(shape: &[usize]) -> [usize; 2] {
    match shape {
        [_, down, across] => [*down, *across],
        [_, across] => [1, *across],
        _ => [1, 1],
    }
}

/// Whether the macro would accept the widths.
fn is_lawful(spec: &Spec) -> bool {
    let Ok(facts) = spec.flow() else {
        return false;
    };
    let mut layers = spec.layers.iter().enumerate();
    layers.all(|(index, layer)| match &layer.op {
        Op::Dense(_) | Op::Conv(_) => {
            let Some(linear) = layer.op.linear() else {
                return false;
            };
            let input = facts[spec.sources(index)[0]].range;
            let most = match spec.reader(index) {
                None => MAX_OUTPUT_BITS,
                Some(act) if act.table.is_none() => act.function.reader().max_width(),
                Some(_) => 32,
            };
            let wraps = linear.overflow == Overflow::Wrap;
            (2..=most).contains(&linear.accumulator)
                && (!wraps
                    || linear
                        .worst_case(input)
                        .is_some_and(|worst| linear.accumulator < worst))
        }
        Op::Activation(act) => {
            let antiperiodic = act.function.is_antiperiodic();
            let most = if antiperiodic {
                MAX_ANTIPERIODIC_TABLE_BITS
            } else {
                MAX_TABLE_BITS
            };
            let before = spec.sources(index)[0].checked_sub(1);
            let width = before
                .and_then(|before| spec.layers[before].op.linear())
                .map_or(most, |linear| linear.accumulator);
            let table = act.table_bits(width);
            (1..=most).contains(&table)
                && act.phases.is_power_of_two()
                && (act.phases == 1 || (antiperiodic && act.phases <= 1 << (table - 1)))
        }
        Op::Pool(pool) if pool.kind == Pool::Max => {
            let Range { lo, hi } = facts[spec.sources(index)[0]].range;
            Range {
                lo: lo - hi,
                hi: hi - lo,
            }
            .signed_bits()
                <= MAX_TABLE_BITS
        }
        _ => true,
    })
}
