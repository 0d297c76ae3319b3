//! The declaration as it was written: the struct and its attributes as values that remember their place.

use fhe_nn_proof::spec::{Scales, Tokens};
use syn::ext::IdentExt;
use syn::{ItemStruct, LitStr};

use crate::errors::{Place, Spanned};
use crate::layers::{Kind, LayerType};

/// A declared network: every number is in its range, nothing fits together yet.
pub(crate) struct Network {
    /// The struct without its `#[bits(..)]`.
    pub(crate) item: ItemStruct,
    /// One input.
    pub(crate) input: Input,
    /// The fields in the order in which they run.
    pub(crate) layers: Vec<Layer>,
    /// The model that is proved and embedded.
    pub(crate) weights: Option<Weights>,
}

/// A quantized model.
pub(crate) struct Weights {
    /// The path of its file, from the source file.
    pub(crate) path: LitStr,
    /// The number `b` for which every table and score fails with probability at most `2^-b`.
    pub(crate) failure: Option<Spanned<u64>>,
}

impl Network {
    /// The name of the struct as it is shown and stored.
    pub(crate) fn name(&self) -> String {
        self.item.ident.unraw().to_string()
    }

    /// The name of a tensor in `#[from(..)]`.
    pub(crate) fn tensor_name(&self, tensor: usize) -> &str {
        let layer = tensor.checked_sub(1).map(|index| &self.layers[index]);
        layer.map_or("input", |layer| &layer.name)
    }
}

/// Shape and width of one input.
pub(crate) struct Input {
    /// Extents, slowest first; their product is at most 2^24.
    pub(crate) shape: Vec<usize>,
    /// Width of a value; 1 for one-hot tokens.
    pub(crate) bits: u32,
    /// The vocabulary, if inputs are tokens; `None` if they are numbers.
    pub(crate) tokens: Option<Tokens>,
    /// Which values share a scale, and where that was written; all of them if it was not.
    pub(crate) scales: Option<Spanned<Scales>>,
}

/// A field.
pub(crate) struct Layer {
    /// Its name as it is shown and stored.
    pub(crate) name: String,
    /// Where its name was written.
    pub(crate) name_place: Place,
    /// Where its type was written.
    pub(crate) place: Place,
    /// The type.
    pub(crate) layer_type: LayerType,
    /// The tensors that it reads: 0 is the input, `i + 1` the result of field i.
    pub(crate) sources: Vec<usize>,
    /// The place where these were written.
    pub(crate) from: Option<Names>,
    /// The operation that it computes.
    pub(crate) kind: Kind,
}

/// An attribute, and the place of each name in it.
pub(crate) type Names = Spanned<Vec<Place>>;

impl Layer {
    /// Where the tensors that it reads were written.
    pub(crate) fn place_of_sources(&self) -> Place {
        self.from.as_ref().map_or(self.place, |from| from.place)
    }

    /// Where this tensor was written among those that it reads.
    pub(crate) fn reads_at(&self, tensor: usize) -> Place {
        let names = self.from.iter().flat_map(|from| &from.value);
        let mut reads = self.sources.iter().zip(names);
        let written = reads.find(|(source, _)| **source == tensor);
        written.map_or(self.place, |(_, place)| *place)
    }
}
