//! What was written: the struct and its attributes as values that remember their place.

use fhe_nn_proof::spec::{Function, Overflow, Rounding, Tokens};
use syn::ext::IdentExt;
use syn::{ItemStruct, LitStr, Path};

use crate::errors::{Place, Spanned};
use crate::layer::{Axes, LayerType};

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
    /// Where its file is, from the source file.
    pub(crate) path: LitStr,
    /// Every table and score fails with probability at most 2 to minus this.
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
    /// What tokens there are, if inputs are tokens.
    pub(crate) tokens: Option<Tokens>,
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
    /// What it reads: 0 is the input, `i + 1` the result of field i.
    pub(crate) sources: Vec<usize>,
    /// Where that was written.
    pub(crate) from: Option<Names>,
    /// What it computes.
    pub(crate) kind: Kind,
}

/// An attribute, and the place of each name in it.
pub(crate) type Names = Spanned<Vec<Place>>;

impl Layer {
    /// Where it was written what it reads.
    pub(crate) fn place_of_sources(&self) -> Place {
        self.from.as_ref().map_or(self.place, |from| from.place)
    }

    /// Where it was written that it reads this tensor.
    pub(crate) fn reads_at(&self, tensor: usize) -> Place {
        let names = self.from.iter().flat_map(|from| &from.value);
        let mut reads = self.sources.iter().zip(names);
        let written = reads.find(|(source, _)| **source == tensor);
        written.map_or(self.place, |(_, place)| *place)
    }
}

/// What a field computes.
pub(crate) enum Kind {
    /// A layer with weights and accumulators.
    Linear(Linear),
    /// A vector for every token.
    Embedding(Embedding),
    /// A lookup table on every value.
    Activation(Activation),
    /// Averages or greatest values of windows.
    Pool(Pool),
    /// Sums, products or all of several tensors, or one in a row: its type says all.
    Combination,
}

/// A layer with weights and accumulators as it was written.
pub(crate) struct Linear {
    /// What is multiplied by weights.
    pub(crate) form: Form,
    /// Width of a weight.
    pub(crate) weights: Spanned<u32>,
    /// Width that the accumulator is held to.
    pub(crate) accumulator: Option<Spanned<u32>>,
    /// What holds it to that width.
    pub(crate) overflow: Option<Spanned<Overflow>>,
}

/// What a layer multiplies by weights.
pub(crate) enum Form {
    /// All values.
    Dense {
        /// Values that come in.
        inputs: Spanned<usize>,
        /// Neurons.
        outputs: usize,
    },
    /// The values in windows.
    Conv {
        /// Whether these move over one axis.
        flat: bool,
        /// Channels that come in.
        inputs: Spanned<usize>,
        /// Channels that go out.
        outputs: Spanned<usize>,
        /// Their geometry.
        taps: Taps,
        /// Groups of channels.
        groups: Spanned<usize>,
    },
}

/// The geometry of windows, the same along all axes.
#[derive(Clone, Copy)]
pub(crate) struct Taps {
    /// Taps along an axis.
    pub(crate) kernel: Spanned<usize>,
    /// Distance of windows.
    pub(crate) stride: Spanned<usize>,
    /// Values added on either side.
    pub(crate) padding: Spanned<usize>,
    /// Distance of taps.
    pub(crate) dilation: usize,
}

/// Vectors for tokens as they were written.
pub(crate) struct Embedding {
    /// How many tokens there are.
    pub(crate) vocabulary: Spanned<usize>,
    /// Values for each.
    pub(crate) dimension: usize,
    /// Width of a value.
    pub(crate) weights: Spanned<u32>,
}

/// A pool as it was written.
pub(crate) struct Pool {
    /// What becomes of a window.
    pub(crate) kind: fhe_nn_proof::spec::Pool,
    /// What it moves over.
    pub(crate) axes: Axes,
    /// Its geometry; none if one window sees all.
    pub(crate) taps: Option<Taps>,
}

/// An activation as it was written.
pub(crate) struct Activation {
    /// The function.
    pub(crate) function: Function,
    /// The user's own, of a `Custom`.
    pub(crate) custom: Option<Path>,
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

impl Form {
    /// Number of neurons, or of channels.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Form::Dense { outputs, .. } => *outputs,
            Form::Conv { outputs, .. } => outputs.value,
        }
    }
}
