//! What was written: the struct and its attributes as values that remember their place.

use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use syn::ItemStruct;
use syn::ext::IdentExt;

use crate::errors::{Place, Spanned};

/// A declared network: every number is in its range, nothing fits together yet.
pub(crate) struct Network {
    /// The struct without its `#[bits(..)]`.
    pub(crate) item: ItemStruct,
    /// One input.
    pub(crate) input: Input,
    /// The fields in the order in which they run.
    pub(crate) layers: Vec<Layer>,
}

impl Network {
    /// The name of the struct as it is shown and stored.
    pub(crate) fn name(&self) -> String {
        self.item.ident.unraw().to_string()
    }
}

/// Shape and width of one input.
pub(crate) struct Input {
    /// Extents, slowest first; their product is at most 2^24.
    pub(crate) shape: Vec<usize>,
    /// Width of a value.
    pub(crate) bits: u32,
}

/// A field.
pub(crate) struct Layer {
    /// Its name as it is shown and stored.
    pub(crate) name: String,
    /// Where its type was written.
    pub(crate) place: Place,
    /// What it computes.
    pub(crate) kind: Kind,
}

/// What a field computes.
pub(crate) enum Kind {
    /// A fully connected layer.
    Dense(Dense),
    /// A lookup table on every value.
    Activation(Activation),
}

/// A fully connected layer as it was written.
pub(crate) struct Dense {
    /// Values that come in.
    pub(crate) inputs: Spanned<usize>,
    /// Values that go out.
    pub(crate) outputs: usize,
    /// Width of a weight.
    pub(crate) weights: Spanned<u32>,
    /// Width that the accumulator is held to.
    pub(crate) accumulator: Option<Spanned<u32>>,
    /// What holds it to that width.
    pub(crate) overflow: Option<Spanned<Overflow>>,
}

/// An activation as it was written.
pub(crate) struct Activation {
    /// The function.
    pub(crate) function: Function,
    /// Width of a result; 1 for `Sign`.
    pub(crate) output: u32,
    /// How many bits the table reads.
    pub(crate) table: Option<u32>,
    /// How the bits that the table does not read are dropped.
    pub(crate) rounding: Option<Spanned<Rounding>>,
    /// Values per neuron.
    pub(crate) phases: Option<Spanned<u32>>,
}

impl Activation {
    /// Values per neuron: 1 unless written.
    pub(crate) fn phases(&self) -> u32 {
        self.phases.map_or(1, |phases| phases.value)
    }
}
