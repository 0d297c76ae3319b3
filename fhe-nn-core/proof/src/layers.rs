//! The layers of the language, one file for each or for each family.
//!
//! [`Op`] is the closed set of them, and one trait holds what a layer answers for itself: how many tensors
//! it reads and what it makes of them, how it is written, and how its integers are read from a model and
//! lowered to nodes. A new layer is a variant of [`Op`], an arm of each `match` in this file, and a file with
//! its answers.

mod activation;
mod combine;
mod conv;
mod dense;
mod embedding;
mod linear;
mod pool;
mod window_type;

use core::ops::RangeInclusive;
use core::{fmt, slice};

use serde::{Deserialize, Serialize};

pub use self::activation::{ActivationSpec, Rounding};
pub use self::combine::Combine;
pub use self::conv::ConvSpec;
pub use self::dense::DenseSpec;
pub use self::embedding::EmbeddingSpec;
pub use self::linear::{LinearSpec, Overflow};
pub use self::pool::{Pool, PoolSpec};
pub use self::window_type::{conv_type, pool_type};
use crate::client::Affine;
use crate::error::ModelError;
use crate::graph::builder::Builder;
use crate::model::reader::{ModelReader, Place};
use crate::part::Part;
use crate::spec::flow_error::FlowError;
use crate::spec::input::Scales;
use crate::spec::law::Law;
use crate::spec::tensor::{Tensor, TensorKind};
use crate::widths::{MAX_ACCUMULATOR_BITS, MAX_TABLE_BITS, MAX_VALUES, Range};

/// The operation of a layer: its type with its sizes and bit-widths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// A fully connected layer, `Dense<inputs, outputs>`.
    Dense(DenseSpec),
    /// A convolution, `Conv2d<..>`, `Conv1d<..>` or `Conv<..>`.
    Conv(ConvSpec),
    /// A vector for every token, `Embedding<vocabulary, dimension>`.
    Embedding(EmbeddingSpec),
    /// A lookup table on every value.
    Activation(ActivationSpec),
    /// Averages or greatest values of windows.
    Pool(PoolSpec),
    /// The sum of two tensors or more, value by value.
    Add,
    /// The product of two tensors, value by value.
    Mul,
    /// Tensors one after the other, along their channels.
    Concat,
    /// The same values in a row.
    Flatten,
}

/// The answers that a layer gives for itself.
pub(crate) trait LayerSpec {
    /// The number of tensors that it reads, as a range and in words.
    fn arity(&self) -> (RangeInclusive<usize>, &'static str) {
        (1..=1, "1 tensor")
    }

    /// The tensors that it reads, in words and as kinds.
    fn reads(&self) -> (&'static str, &'static [TensorKind]) {
        ("values", &[TensorKind::Sums, TensorKind::Values])
    }

    /// Checks that the shapes of its operands, at least one, are those that it takes.
    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError>;

    /// Checks that no sum inside it is wider than its tables read or than 64 bits hold.
    fn check_widths(&self, _operands: &[&Tensor]) -> Result<(), FlowError> {
        Ok(())
    }

    /// The facts of its result for operands that were checked.
    fn facts(&self, operands: &[&Tensor]) -> Tensor;

    /// The type of the field with its sizes, as a declaration has it.
    fn type_name(&self) -> String;

    /// The keys of its `#[bits(..)]`. `before` is what it reads first, if that is known, and `functions`
    /// are the names of the functions that are not yet written.
    fn keys(
        &self,
        _before: Option<&Tensor>,
        _functions: &mut slice::Iter<'_, &str>,
    ) -> Vec<String> {
        Vec::new()
    }

    /// Its line in a listing.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// The laws of its own numbers, so that nothing that is computed from them overflows.
    fn laws(&self) -> Result<(), Law> {
        Ok(())
    }

    /// Its integers, read from a model.
    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError>;

    /// Adds its nodes, and returns the tensor of its results.
    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError>;

    /// How many values each of its results adds up, with this number of operands. 0 if they are not sums of
    /// values with the weight 1, or if the results do not all add up the same number of values.
    fn terms(&self, _operands: usize) -> usize {
        0
    }

    /// The number of terms of all its sums together, for operands that were checked. A layer without sums,
    /// or with a weight in the model for every term, counts the values that it reads.
    fn all_terms(&self, operands: &[&Tensor]) -> u64 {
        let values = operands.iter().map(|operand| operand.len() as u64);
        values.fold(0, u64::saturating_add)
    }

    /// The number by which the scale of its first operand is divided to give that of its result. `None` if
    /// the scale of the result is its own.
    fn divisor(&self) -> Option<f64> {
        None
    }

    /// Whether the integer 0 of its operands must stand for the real 0.
    fn needs_centred(&self) -> bool {
        false
    }

    /// The meaning of its result, if its operands, at least one, have these meanings. `None` if it does not
    /// follow from the operands.
    fn meaning(&self, _operands: &[Affine]) -> Option<Affine> {
        None
    }
}

impl Op {
    pub(crate) fn layer(&self) -> &dyn LayerSpec {
        match self {
            Op::Dense(dense) => dense,
            Op::Conv(conv) => conv,
            Op::Embedding(embedding) => embedding,
            Op::Activation(act) => act,
            Op::Pool(pool) => pool,
            Op::Add => &Combine::Add,
            Op::Mul => &Combine::Mul,
            Op::Concat => &Combine::Concat,
            Op::Flatten => &Combine::Flatten,
        }
    }

    /// What it has in common with other layers that have weights and accumulators; `None` if it has none.
    pub const fn linear(&self) -> Option<LinearSpec> {
        match self {
            Op::Dense(dense) => Some(dense.linear()),
            Op::Conv(conv) => Some(conv.linear()),
            Op::Embedding(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Flatten => None,
        }
    }

    /// The shape of its table of vectors, `[vocabulary, dimension]`, if it has one.
    pub const fn vectors(&self) -> Option<[usize; 2]> {
        match self {
            Op::Embedding(embedding) => Some([embedding.vocabulary, embedding.dimension]),
            Op::Dense(_)
            | Op::Conv(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Flatten => None,
        }
    }

    /// The width of its weights, if it has any.
    pub const fn weights(&self) -> Option<u32> {
        match self {
            Op::Dense(dense) => Some(dense.weights),
            Op::Conv(conv) => Some(conv.weights),
            Op::Embedding(embedding) => Some(embedding.weights),
            Op::Activation(_) | Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => None,
        }
    }

    /// The width of its weights as a mutable reference, if it has any.
    pub const fn weights_mut(&mut self) -> Option<&mut u32> {
        match self {
            Op::Dense(dense) => Some(&mut dense.weights),
            Op::Conv(conv) => Some(&mut conv.weights),
            Op::Embedding(embedding) => Some(&mut embedding.weights),
            Op::Activation(_) | Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => None,
        }
    }

    /// Its number of neurons, channels or values of a vector as a mutable reference, if it has weights.
    pub const fn outputs_mut(&mut self) -> Option<&mut usize> {
        match self {
            Op::Dense(dense) => Some(&mut dense.outputs),
            Op::Conv(conv) => Some(&mut conv.window.outputs),
            Op::Embedding(embedding) => Some(&mut embedding.dimension),
            Op::Activation(_) | Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => None,
        }
    }

    /// The width that its accumulators are held to, if it has any. Unlike [`Op::linear`], this also answers
    /// for windows that are not yet known to fit.
    pub const fn accumulator(&self) -> Option<u32> {
        match self {
            Op::Dense(dense) => Some(dense.accumulator),
            Op::Conv(conv) => Some(conv.accumulator),
            Op::Embedding(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Flatten => None,
        }
    }

    /// The width that its accumulators are held to, and what holds them to it, as mutable references, if it has any.
    pub const fn held_mut(&mut self) -> Option<(&mut u32, &mut Overflow)> {
        match self {
            Op::Dense(dense) => Some((&mut dense.accumulator, &mut dense.overflow)),
            Op::Conv(conv) => Some((&mut conv.accumulator, &mut conv.overflow)),
            Op::Embedding(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Flatten => None,
        }
    }

    /// The activation, if it is one.
    pub const fn activation(&self) -> Option<&ActivationSpec> {
        match self {
            Op::Activation(act) => Some(act),
            _ => None,
        }
    }

    /// The facts of the result of reading these tensors.
    ///
    /// # Errors
    /// [`FlowError`] says why it cannot read them.
    pub fn result(&self, operands: &[&Tensor]) -> Result<Tensor, FlowError> {
        let layer = self.layer();
        let (count, takes) = layer.arity();
        if !count.contains(&operands.len()) {
            let reads = operands.len();
            return Err(FlowError::Arity { takes, reads });
        }
        let (takes, kinds) = layer.reads();
        if let Some(wrong) = operands.iter().find(|tensor| !kinds.contains(&tensor.kind)) {
            let gets = wrong.kind;
            return Err(FlowError::Kind { takes, gets });
        }
        layer.check(operands)?;
        layer.check_widths(operands)?;
        let result = layer.facts(operands);
        if !(1..=MAX_VALUES).contains(&(result.len() as u64)) {
            return Err(FlowError::Values(result.len()));
        }
        // the laws of a layer with weights bound its accumulators
        if result.kind == TensorKind::Sums && result.range.signed_bits() > MAX_ACCUMULATOR_BITS {
            return Err(FlowError::Sums(result.range));
        }
        Ok(result)
    }

    /// Checks that no sum inside it is wider than its tables read or than 64 bits hold. The shapes of the
    /// operands do not matter, but there are as many as it takes.
    ///
    /// # Errors
    /// [`FlowError::Between`] and [`FlowError::Reach`].
    pub fn check_widths(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        self.layer().check_widths(operands)
    }

    /// Checks that it can read an input with these scales: its weights must be able to make up for what differs.
    ///
    /// # Errors
    /// [`FlowError::Scales`].
    pub fn check_scales(&self, scales: Scales) -> Result<(), FlowError> {
        let takes = match (self, scales) {
            (_, Scales::One) | (Op::Dense(_), _) => return Ok(()),
            (Op::Conv(conv), Scales::PerChannel) if conv.window.groups == 1 => return Ok(()),
            (Op::Conv(_), Scales::PerChannel) => {
                "a convolution in groups reads values of one scale"
            }
            (Op::Conv(_), Scales::PerValue) => {
                "a weight of a convolution reads values of one scale"
            }
            _ => "only the weights of `Dense` and of convolutions make up for scales that differ",
        };
        Err(FlowError::Scales { scales, takes })
    }

    /// The number of terms of all its sums together, for operands that it can read.
    pub(crate) fn all_terms(&self, operands: &[&Tensor]) -> u64 {
        self.layer().all_terms(operands)
    }

    /// Whether its own numbers keep the laws of the language, whatever it reads.
    pub fn has_lawful_numbers(&self) -> bool {
        self.layer().laws().is_ok()
    }

    /// The number by which the scale of its first operand is divided to give that of its result. `None` if
    /// the scale of the result is its own.
    pub fn divisor(&self) -> Option<f64> {
        self.layer().divisor()
    }

    /// Whether the integer 0 of its operands must stand for the real 0.
    pub fn needs_centred(&self) -> bool {
        self.layer().needs_centred()
    }

    /// The meaning of its result, if its operands have these meanings. `None` if it has no operands, or if
    /// that does not follow from them, as for layers with weights or tables.
    pub fn meaning(&self, operands: &[Affine]) -> Option<Affine> {
        match operands {
            [] => None,
            operands => self.layer().meaning(operands),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer().show(f)
    }
}

/// Checks that the tables inside a layer can read differences or other sums of this range.
fn readable(verb: &'static str, what: &'static str, range: Range) -> Result<(), FlowError> {
    if range.signed_bits() <= MAX_TABLE_BITS {
        return Ok(());
    }
    Err(FlowError::Between { verb, what, range })
}

/// Checks that a shape is the one that a layer takes.
fn expect(expected: &[usize], actual: &[usize]) -> Result<(), FlowError> {
    if expected == actual {
        return Ok(());
    }
    Err(FlowError::Shape {
        expected: expected.to_vec(),
        actual: actual.to_vec(),
    })
}
