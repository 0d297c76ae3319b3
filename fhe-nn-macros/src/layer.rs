//! The layer types that a field can have, by name, and the keys that each takes.

use fhe_nn_proof::spec::Function;
use syn::{GenericArgument, PathArguments, Type};

use crate::key::Key;

/// A layer type, without its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerType {
    /// `Dense<I, O>`.
    Dense,
    /// A lookup table on every value; takes no generics.
    Activation(Function),
}

impl LayerType {
    /// The name that users write.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LayerType::Dense => "Dense",
            LayerType::Activation(function) => function.name(),
        }
    }

    /// Every layer type with its name, in the order of the documentation.
    pub(crate) fn all() -> Vec<(&'static str, LayerType)> {
        let activations = Function::all().map(LayerType::Activation);
        core::iter::once(LayerType::Dense)
            .chain(activations)
            .map(|layer| (layer.name(), layer))
            .collect()
    }

    /// The keys that its `#[bits(..)]` takes.
    pub(crate) fn keys(self) -> &'static [Key] {
        use Key::{Accumulator, Output, Overflow, Phases, Rounding, Table, Weights};
        match self {
            LayerType::Dense => &[Weights, Accumulator, Overflow],
            LayerType::Activation(Function::Wave) => &[Output, Table, Rounding, Phases],
            LayerType::Activation(Function::Sign) => &[Table, Rounding, Phases],
            LayerType::Activation(_) => &[Output, Table, Rounding],
        }
    }

    /// The key that must be written, if there is one.
    pub(crate) fn required(self) -> Option<Key> {
        match self {
            LayerType::Dense => Some(Key::Weights),
            LayerType::Activation(_) => self.keys().contains(&Key::Output).then_some(Key::Output),
        }
    }

    /// How many generics it takes.
    fn generics(self) -> usize {
        match self {
            LayerType::Dense => 2,
            LayerType::Activation(_) => 0,
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
        self.layer
            .is_some_and(|layer| layer.generics() == self.generics.len())
    }
}
