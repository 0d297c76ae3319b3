//! The type of a field, as it was written.

use syn::{GenericArgument, Ident, Path, PathArguments, Type};

use super::windows::are_axes;
use crate::layers::{LayerType, Unwritten};

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
        let path = match peel(ty) {
            Type::Path(path) if path.qself.is_none() => &path.path,
            _ => return None,
        };
        let (ident, generics) = last(path)?;
        let name = ident.to_string();
        let layer = LayerType::all()
            .into_iter()
            .find_map(|(known, layer)| (known == name).then_some(layer));
        Some(Written {
            name,
            layer,
            generics,
        })
    }

    /// Whether the type is a layer with the number of generics that it takes.
    pub(crate) fn is_layer(&self) -> bool {
        self.layer.is_some_and(|layer| {
            let (least, most) = layer.generics();
            (least..=most).contains(&self.generics.len())
        })
    }

    /// Whether its windows, if it has any, are axes with as many sizes as an axis takes.
    pub(crate) fn has_windows(&self) -> bool {
        let sizes = self.layer.map_or(&[][..], LayerType::sizes).iter();
        let mut windows = sizes
            .zip(&self.generics)
            .filter(|(size, _)| size.unwritten == Unwritten::Windows);
        windows.all(|(_, generic)| are_axes(generic))
    }
}

/// The type without parentheses and without the invisible groups in which `macro_rules` wraps what it passes on.
pub(super) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        _ => ty,
    }
}

/// The last name of a path, with its generics; `None` if it is that of a function.
pub(super) fn last(path: &Path) -> Option<(&Ident, Vec<&GenericArgument>)> {
    let last = path.segments.last()?;
    match &last.arguments {
        PathArguments::None => Some((&last.ident, Vec::new())),
        PathArguments::AngleBracketed(angle) => Some((&last.ident, angle.args.iter().collect())),
        PathArguments::Parenthesized(_) => None,
    }
}
