//! The layer types that a field can have, by name, and the keys that each takes.

use fhe_nn_proof::spec::{Function, Pool};
use syn::{GenericArgument, PathArguments, Type};

use crate::key::Key;

/// A layer type, without its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerType {
    /// `Dense<I, O>`.
    Dense,
    /// `Conv1d<..>` or `Conv2d<..>`.
    Conv(Axes),
    /// `Embedding<VOCABULARY, DIM>`.
    Embedding,
    /// `AvgPool2d<..>` and its like.
    Pool(Pool, Axes),
    /// The sum of several tensors.
    Add,
    /// The product of two.
    Mul,
    /// Several, one behind the other.
    Concat,
    /// The values in a row.
    Flatten,
    /// A lookup table on every value; takes no generics.
    Activation(Function),
}

/// What windows move over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axes {
    /// `[channels, length]`.
    One,
    /// `[channels, height, width]`.
    Two,
    /// Either; one window sees all of it.
    All,
}

/// A number among the generics of a layer.
pub(crate) struct Size {
    /// What it is.
    pub(crate) what: &'static str,
    /// Least value.
    pub(crate) min: u64,
    /// What it is if it is not written.
    pub(crate) default: Default,
}

/// What a size is that is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Default {
    /// It must be.
    None,
    /// A number.
    Number(usize),
    /// The kernel, the first size of a pool.
    First,
}

const fn size(what: &'static str, min: u64, default: Default) -> Size {
    Size { what, min, default }
}

const DENSE: &[Size] = &[
    size("number of inputs", 1, Default::None),
    size("number of outputs", 1, Default::None),
];
const CONVOLUTION: &[Size] = &[
    size("number of input channels", 1, Default::None),
    size("number of output channels", 1, Default::None),
    size("kernel", 1, Default::None),
    size("stride", 1, Default::Number(1)),
    size("padding", 0, Default::Number(0)),
    size("dilation", 1, Default::Number(1)),
    size("number of groups", 1, Default::Number(1)),
];
const POOL: &[Size] = &[
    size("kernel", 1, Default::None),
    size("stride", 1, Default::First),
    size("padding", 0, Default::Number(0)),
];
const EMBEDDING: &[Size] = &[
    size("vocabulary", 1, Default::None),
    size("dimension", 1, Default::None),
];

impl LayerType {
    /// The name that users write.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LayerType::Dense => "Dense",
            LayerType::Conv(Axes::One) => "Conv1d",
            LayerType::Conv(Axes::Two | Axes::All) => "Conv2d",
            LayerType::Embedding => "Embedding",
            LayerType::Pool(Pool::Average, Axes::One) => "AvgPool1d",
            LayerType::Pool(Pool::Average, Axes::Two) => "AvgPool2d",
            LayerType::Pool(Pool::Average, Axes::All) => "GlobalAvgPool",
            LayerType::Pool(Pool::Max, Axes::One) => "MaxPool1d",
            LayerType::Pool(Pool::Max, Axes::Two) => "MaxPool2d",
            LayerType::Pool(Pool::Max, Axes::All) => "GlobalMaxPool",
            LayerType::Add => "Add",
            LayerType::Mul => "Mul",
            LayerType::Concat => "Concat",
            LayerType::Flatten => "Flatten",
            LayerType::Activation(function) => function.name(),
        }
    }

    /// Those that are no activations, in the order of the documentation.
    pub(crate) const OTHERS: [LayerType; 14] = [
        LayerType::Dense,
        LayerType::Conv(Axes::One),
        LayerType::Conv(Axes::Two),
        LayerType::Embedding,
        LayerType::Pool(Pool::Average, Axes::One),
        LayerType::Pool(Pool::Average, Axes::Two),
        LayerType::Pool(Pool::Average, Axes::All),
        LayerType::Pool(Pool::Max, Axes::One),
        LayerType::Pool(Pool::Max, Axes::Two),
        LayerType::Pool(Pool::Max, Axes::All),
        LayerType::Add,
        LayerType::Mul,
        LayerType::Concat,
        LayerType::Flatten,
    ];

    /// These by family, as they are listed.
    pub(crate) const FAMILIES: [(&'static str, core::ops::Range<usize>); 3] = [
        ("with weights", 0..4),
        ("pools", 4..10),
        ("of whole tensors", 10..14),
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
        use Key::{
            Accumulator, Function as Custom, Output, Overflow, Phases, Rounding, Table, Weights,
        };
        match self {
            LayerType::Dense | LayerType::Conv(_) => &[Weights, Accumulator, Overflow],
            LayerType::Embedding => &[Weights],
            LayerType::Pool(..)
            | LayerType::Add
            | LayerType::Mul
            | LayerType::Concat
            | LayerType::Flatten => &[],
            LayerType::Activation(Function::Wave) => &[Output, Table, Rounding, Phases],
            LayerType::Activation(Function::Sign) => &[Table, Rounding, Phases],
            LayerType::Activation(Function::Custom) => &[Output, Custom, Table, Rounding],
            LayerType::Activation(_) => &[Output, Table, Rounding],
        }
    }

    /// The keys that must be written.
    pub(crate) fn required(self) -> Vec<Key> {
        let needed = [Key::Weights, Key::Output, Key::Function].into_iter();
        needed.filter(|key| self.keys().contains(key)).collect()
    }

    /// The numbers among its generics.
    pub(crate) fn sizes(self) -> &'static [Size] {
        match self {
            LayerType::Dense => DENSE,
            LayerType::Conv(_) => CONVOLUTION,
            LayerType::Embedding => EMBEDDING,
            LayerType::Pool(_, Axes::One | Axes::Two) => POOL,
            LayerType::Pool(_, Axes::All)
            | LayerType::Add
            | LayerType::Mul
            | LayerType::Concat
            | LayerType::Flatten
            | LayerType::Activation(_) => &[],
        }
    }

    /// How many generics it takes, at least and at most.
    pub(crate) fn generics(self) -> (usize, usize) {
        let sizes = self.sizes();
        let needed = sizes.iter().filter(|size| size.default == Default::None);
        (needed.count(), sizes.len())
    }

    /// Itself with sizes, as it could be written.
    pub(crate) fn example(self) -> String {
        let sizes = match self {
            LayerType::Dense => "<784, 64>",
            LayerType::Conv(_) => "<1, 8, 3>",
            LayerType::Embedding => "<256, 16>",
            LayerType::Pool(_, Axes::One | Axes::Two) => "<2>",
            _ => "",
        };
        format!("{}{sizes}", self.name())
    }

    /// How many tensors it reads: at least, at most.
    pub(crate) fn operands(self) -> (usize, usize) {
        match self {
            LayerType::Add | LayerType::Concat => (2, usize::MAX),
            LayerType::Mul => (2, 2),
            _ => (1, 1),
        }
    }
}

/// A field's type as it was written: the last segment of its path decides.
pub(crate) struct Written<'a> {
    /// The name of the type.
    pub(crate) name: String,
    /// The layer of this name.
    pub(crate) layer: Option<LayerType>,
    /// Its generics.
    pub(crate) generics: Vec<&'a GenericArgument>,
}

impl<'a> Written<'a> {
    /// The type of a field; `None` if it is not a path.
    pub(crate) fn new(ty: &'a Type) -> Option<Self> {
        let path = match ty {
            Type::Group(group) => return Written::new(&group.elem),
            Type::Paren(paren) => return Written::new(&paren.elem),
            Type::Path(path) if path.qself.is_none() => &path.path,
            _ => return None,
        };
        let last = path.segments.last()?;
        let name = last.ident.to_string();
        let layer = LayerType::all()
            .into_iter()
            .find_map(|(known, layer)| (known == name).then_some(layer));
        let generics = match &last.arguments {
            PathArguments::None => Vec::new(),
            PathArguments::AngleBracketed(angle) => angle.args.iter().collect(),
            PathArguments::Parenthesized(_) => return None,
        };
        Some(Written {
            name,
            layer,
            generics,
        })
    }

    /// Whether the type is a layer with as many generics as it takes.
    pub(crate) fn is_layer(&self) -> bool {
        self.layer.is_some_and(|layer| {
            let (least, most) = layer.generics();
            (least..=most).contains(&self.generics.len())
        })
    }
}
