//! The layers that a field can have, one file for each or for each family.
//!
//! [`LayerType`] is what the type of a field says, and [`Kind`] is what its sizes and keys say as well. A new
//! layer is a variant of both, an arm of each `match` in this file, and a file with its sizes, its laws and
//! its tokens.

mod activation;
mod combine;
mod conv;
mod dense;
mod embedding;
mod linear;
mod pool;
mod size;
mod windows;

use fhe_nn_proof::spec::{Combine, Function, Op, Pool as PoolKind, Tensor, TensorKind};
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) use self::activation::Activation;
use self::embedding::Embedding;
pub(crate) use self::linear::{Form, Linear};
pub(crate) use self::pool::Pool;
pub(crate) use self::size::{Size, Unwritten};
pub(crate) use self::windows::{AXIS, Axes, AxisTaps, Taps};
use crate::check::reads::Reads;
use crate::errors::{Error, Place};
use crate::key::Key;
use crate::parse::reader::FieldReader;

/// A layer type, without its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerType {
    /// `Dense<I, O>`.
    Dense,
    /// `Conv1d<..>`, `Conv2d<..>` or `Conv<..>`.
    Conv(Axes),
    /// `Embedding<VOCABULARY, DIM>`.
    Embedding,
    /// `AvgPool2d<..>` and its like.
    Pool(PoolKind, Axes),
    /// An operation on whole tensors: their sum, their product, one after the other, or one in a row.
    Combine(Combine),
    /// A lookup table on every value; takes no generics.
    Activation(Function),
}

/// What a field computes, as it was written.
pub(crate) enum Kind {
    /// A layer with weights and accumulators.
    Linear(Linear),
    /// A vector for every token.
    Embedding(Embedding),
    /// A lookup table on every value.
    Activation(Activation),
    /// Averages or greatest values of windows.
    Pool(Pool),
    /// An operation on whole tensors.
    Combine(Combine),
}

/// The kind of result that a layer makes of what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Makes {
    /// Accumulators, whatever it reads.
    Accumulators,
    /// Values of its own, whatever it reads.
    Values,
    /// Sums of the values that it reads.
    Sums,
    /// Some of the values that it reads.
    Choice,
    /// The same values in other places: sums if it reads nothing else.
    Same,
}

impl LayerType {
    /// The last segment of the type that users write.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LayerType::Dense => "Dense",
            LayerType::Conv(axes) => conv::name(axes),
            LayerType::Embedding => "Embedding",
            LayerType::Pool(kind, axes) => pool::name(kind, axes),
            LayerType::Combine(combine) => combine.name(),
            LayerType::Activation(function) => function.name(),
        }
    }

    /// The type as users write it after importing the prelude.
    pub(crate) fn written(self) -> &'static str {
        match self {
            LayerType::Combine(combine) => combine.type_name(),
            layer => layer.name(),
        }
    }

    /// The layer types that are not activations, in the order of the documentation.
    pub(crate) const OTHERS: [LayerType; 17] = [
        LayerType::Dense,
        LayerType::Conv(Axes::One),
        LayerType::Conv(Axes::Two),
        LayerType::Conv(Axes::Each),
        LayerType::Embedding,
        LayerType::Pool(PoolKind::Average, Axes::One),
        LayerType::Pool(PoolKind::Average, Axes::Two),
        LayerType::Pool(PoolKind::Average, Axes::Each),
        LayerType::Pool(PoolKind::Average, Axes::All),
        LayerType::Pool(PoolKind::Max, Axes::One),
        LayerType::Pool(PoolKind::Max, Axes::Two),
        LayerType::Pool(PoolKind::Max, Axes::Each),
        LayerType::Pool(PoolKind::Max, Axes::All),
        LayerType::Combine(Combine::Add),
        LayerType::Combine(Combine::Mul),
        LayerType::Combine(Combine::Concat),
        LayerType::Combine(Combine::Flatten),
    ];

    /// The families of [`OTHERS`](LayerType::OTHERS), as they are listed.
    pub(crate) const FAMILIES: [(&'static str, core::ops::Range<usize>); 3] = [
        ("with weights", 0..5),
        ("pools", 5..13),
        ("of whole tensors", 13..17),
    ];

    /// Every layer type with its name, in the order of the documentation.
    pub(crate) fn all() -> Vec<(&'static str, LayerType)> {
        let activations = Function::all().map(LayerType::Activation);
        LayerType::OTHERS
            .into_iter()
            .chain(activations)
            .map(|layer| (layer.name(), layer))
            .collect()
    }

    /// The keys that its `#[bits(..)]` takes.
    pub(crate) fn keys(self) -> &'static [Key] {
        match self {
            LayerType::Dense | LayerType::Conv(_) => linear::KEYS,
            LayerType::Embedding => &[Key::Weights],
            LayerType::Pool(..) | LayerType::Combine(_) => &[],
            LayerType::Activation(function) => activation::keys(function),
        }
    }

    /// The keys that must be written.
    pub(crate) fn required(self) -> Vec<Key> {
        let needed = [Key::Weights, Key::Output, Key::Function].into_iter();
        needed.filter(|key| self.keys().contains(key)).collect()
    }

    /// Its generics.
    pub(crate) fn sizes(self) -> &'static [Size] {
        match self {
            LayerType::Dense => dense::SIZES,
            LayerType::Conv(axes) => conv::sizes(axes),
            LayerType::Embedding => embedding::SIZES,
            LayerType::Pool(_, axes) => pool::sizes(axes),
            LayerType::Combine(_) | LayerType::Activation(_) => &[],
        }
    }

    /// The least and the greatest number of generics that it takes.
    pub(crate) fn generics(self) -> (usize, usize) {
        let sizes = self.sizes();
        let needed = sizes
            .iter()
            .filter(|size| matches!(size.unwritten, Unwritten::Missing | Unwritten::Windows));
        (needed.count(), sizes.len())
    }

    /// An example of the type with its sizes.
    pub(crate) fn example(self) -> String {
        let sizes = match self {
            LayerType::Dense => "<784, 64>",
            LayerType::Conv(Axes::Each) => "<1, 8, (Axis<1>, Axis<5>)>",
            LayerType::Conv(_) => "<1, 8, 3>",
            LayerType::Embedding => "<256, 16>",
            LayerType::Pool(_, Axes::One | Axes::Two) => "<2>",
            LayerType::Pool(_, Axes::Each) => "<(Axis<2, 2>, Axis<3, 3>)>",
            LayerType::Pool(_, Axes::All) | LayerType::Combine(_) | LayerType::Activation(_) => "",
        };
        format!("{}{sizes}", self.written())
    }

    /// The least and the greatest number of tensors that it reads.
    pub(crate) fn operands(self) -> (usize, usize) {
        match self {
            LayerType::Combine(Combine::Add | Combine::Concat) => (2, usize::MAX),
            LayerType::Combine(Combine::Mul) => (2, 2),
            _ => (1, 1),
        }
    }

    /// Whether it reads tokens instead of numbers.
    pub(crate) fn reads_tokens(self) -> bool {
        self == LayerType::Embedding
    }

    /// The field, from its sizes and keys; `None` if these have mistakes.
    pub(crate) fn parse(self, field: &mut FieldReader<'_, '_>) -> Option<Kind> {
        match self {
            LayerType::Dense => dense::parse(field).map(Kind::Linear),
            LayerType::Conv(axes) => conv::parse(field, axes).map(Kind::Linear),
            LayerType::Embedding => Embedding::parse(field).map(Kind::Embedding),
            LayerType::Pool(kind, axes) => Pool::parse(field, kind, axes).map(Kind::Pool),
            LayerType::Combine(combine) => Some(Kind::Combine(combine)),
            LayerType::Activation(function) => {
                Activation::parse(field, function).map(Kind::Activation)
            }
        }
    }
}

impl Kind {
    /// The layer as data, in the shape of what it reads; its accumulators are those of the worst case.
    pub(crate) fn agree(&self, reads: &mut Reads<'_>) -> Option<Op> {
        match self {
            Kind::Linear(linear) => match &linear.form {
                Form::Dense { inputs, outputs } => {
                    Some(dense::agree(reads, linear, *inputs, *outputs))
                }
                Form::Conv { .. } => conv::agree(reads, linear),
            },
            Kind::Embedding(embedding) => embedding.agree(reads),
            Kind::Activation(act) => Some(act.op()),
            Kind::Pool(pool) => pool.agree(reads),
            Kind::Combine(combine) => combine::agree(reads, *combine),
        }
    }

    /// The facts of its result after a mistake in its shape; `first` is what it reads first.
    pub(crate) fn unknown(&self, first: &Tensor) -> Tensor {
        match self {
            Kind::Linear(linear) => linear.unknown(),
            Kind::Activation(act) => act.unknown(),
            Kind::Embedding(_) | Kind::Pool(_) | Kind::Combine(_) => Tensor {
                shape: vec![1],
                range: first.range,
                odd: false,
                kind: TensorKind::Sums,
            },
        }
    }

    /// The kind of result that it makes of what it reads.
    pub(crate) fn makes(&self) -> Makes {
        match self {
            Kind::Linear(_) => Makes::Accumulators,
            Kind::Embedding(_) | Kind::Activation(_) => Makes::Values,
            Kind::Pool(pool) => match pool.kind {
                PoolKind::Average => Makes::Sums,
                PoolKind::Max => Makes::Choice,
            },
            Kind::Combine(Combine::Add | Combine::Mul) => Makes::Sums,
            Kind::Combine(Combine::Concat | Combine::Flatten) => Makes::Same,
        }
    }

    /// Why an activation that reads its values, those of field `found`, is of no use.
    pub(crate) fn before_an_activation(&self, found: &str) -> String {
        match self {
            Kind::Activation(_) => activation::before_an_activation(),
            Kind::Embedding(_) => embedding::before_an_activation(found),
            Kind::Pool(_) => pool::before_an_activation(found),
            Kind::Linear(_) | Kind::Combine(_) => combine::before_an_activation(found),
        }
    }

    /// The error if it cannot read the input, which consists of tokens if `tokens`.
    pub(crate) fn reads_input(&self, name: &str, place: Place, tokens: bool) -> Option<Error> {
        match (self, tokens) {
            (Kind::Embedding(embedding), false) => Some(embedding.reads_numbers(name, place)),
            (Kind::Embedding(_), true) | (_, false) => None,
            (_, true) => Some(embedding::is_missing(name, place)),
        }
    }

    /// The error if it cannot read the result of the field `before`, which never consists of tokens.
    pub(crate) fn reads_result(&self, name: &str, before: &str, place: Place) -> Option<Error> {
        match self {
            Kind::Embedding(_) => Some(embedding::reads_a_result(name, before, place)),
            Kind::Linear(_) | Kind::Activation(_) | Kind::Pool(_) | Kind::Combine(_) => None,
        }
    }
}

/// A layer as a variant of `Op`, without its path.
pub(crate) fn tokens(op: &Op) -> TokenStream {
    match op {
        Op::Dense(dense) => dense::tokens(dense),
        Op::Conv(conv) => conv::tokens(conv),
        Op::Embedding(embedding) => embedding::tokens(embedding),
        Op::Activation(act) => activation::tokens(act),
        Op::Pool(pool) => pool::tokens(pool),
        Op::Add => quote!(Add),
        Op::Mul => quote!(Mul),
        Op::Concat => quote!(Concat),
        Op::Flatten => quote!(Flatten),
    }
}
