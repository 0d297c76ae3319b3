//! The keys of `#[bits(..)]` and of `input(..)`, and their ranges.

use core::fmt;

use fhe_nn_proof::spec::Function;
use fhe_nn_proof::widths::{
    MAX_ACCUMULATOR_BITS, MAX_ANTIPERIODIC_TABLE_BITS, MAX_TABLE_BITS, MAX_VALUES,
};
use syn::Ident;
use syn::ext::IdentExt;

use crate::layers::LayerType;

/// A key of `#[bits(..)]` or of `input(..)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Extents of the input.
    Shape,
    /// Width of an input value.
    Bits,
    /// Number of tokens of the vocabulary, if inputs are tokens.
    Vocabulary,
    /// Which values of the input share a scale.
    Scales,
    /// Width of a weight.
    Weights,
    /// Width that the accumulator is held to.
    Accumulator,
    /// What holds it to that width.
    Overflow,
    /// Width of an activation's result.
    Output,
    /// Number of bits that its table reads.
    Table,
    /// How the lower bits are dropped.
    Rounding,
    /// Number of values per neuron.
    Phases,
    /// A user's own function.
    Function,
}

impl Key {
    /// Every key of `#[bits(..)]`.
    pub(crate) const OF_LAYERS: [Key; 8] = [
        Key::Weights,
        Key::Accumulator,
        Key::Overflow,
        Key::Output,
        Key::Table,
        Key::Rounding,
        Key::Phases,
        Key::Function,
    ];

    /// The word that users write.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Key::Shape => "shape",
            Key::Bits => "bits",
            Key::Vocabulary => "vocabulary",
            Key::Scales => "scales",
            Key::Function => "function",
            Key::Weights => "weights",
            Key::Accumulator => "accumulator",
            Key::Overflow => "overflow",
            Key::Output => "output",
            Key::Table => "table",
            Key::Rounding => "rounding",
            Key::Phases => "phases",
        }
    }

    /// The key with a value that suits many networks.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Key::Shape => "shape = [784]",
            Key::Bits => "bits = 1",
            Key::Vocabulary => "vocabulary = 256",
            Key::Scales => "scales = per_value",
            Key::Function => "function = f32::sin",
            Key::Weights => "weights = 4",
            Key::Accumulator => "accumulator = 8",
            Key::Overflow => "overflow = checked",
            Key::Output => "output = 4",
            Key::Table => "table = 6",
            Key::Rounding => "rounding = exact",
            Key::Phases => "phases = 2",
        }
    }
}

/// The owner of a list of keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    /// `input(..)` of the network.
    Input,
    /// `#[bits(..)]` of a field.
    Layer(&'a Ident, LayerType),
}

impl Owner<'_> {
    /// The keys that it takes.
    pub(crate) fn keys(self) -> &'static [Key] {
        match self {
            Owner::Input => &[Key::Shape, Key::Bits, Key::Vocabulary, Key::Scales],
            Owner::Layer(_, layer) => layer.keys(),
        }
    }

    /// The range of a number.
    pub(crate) fn range(self, key: Key) -> (u64, u64) {
        let function = match self {
            Owner::Layer(_, LayerType::Activation(function)) => Some(function),
            Owner::Input | Owner::Layer(..) => None,
        };
        let table = match function {
            Some(Function::Wave) => (2, MAX_ANTIPERIODIC_TABLE_BITS),
            Some(Function::Sign) => (1, MAX_ANTIPERIODIC_TABLE_BITS),
            _ => (1, MAX_TABLE_BITS),
        };
        let (min, max) = match key {
            Key::Bits => (1, 16),
            Key::Vocabulary => (1, MAX_VALUES as u32),
            Key::Weights => (2, 16),
            Key::Accumulator => (2, MAX_ACCUMULATOR_BITS),
            Key::Output => (1, 8),
            Key::Table => table,
            Key::Phases => (1, 1 << (MAX_ANTIPERIODIC_TABLE_BITS - 1)),
            Key::Shape | Key::Scales | Key::Overflow | Key::Rounding | Key::Function => {
                unreachable!("`{}` is not a number", key.name())
            }
        };
        (min, max.into())
    }

    /// An example of the list.
    pub(crate) fn example(self) -> String {
        match self {
            Owner::Input => "input(shape = [784], bits = 1)".to_owned(),
            Owner::Layer(_, layer) => {
                let mut keys = layer.required();
                if keys.is_empty() {
                    keys.push(Key::Table);
                }
                let keys: Vec<&str> = keys.into_iter().map(Key::example).collect();
                format!("#[bits({})]", keys.join(", "))
            }
        }
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Input => f.write_str("the input"),
            Owner::Layer(name, _) => write!(f, "`{}`", name.unraw()),
        }
    }
}
