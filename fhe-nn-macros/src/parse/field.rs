//! A field: its type is the layer, its `#[bits(..)]` are the widths.

use fhe_nn_proof::spec::Function;
use quote::ToTokens;
use syn::Field;
use syn::ext::IdentExt;

use super::elsewhere::instead;
use super::reader::FieldReader;
use super::written::Written;
use super::{from, is, sizes};
use crate::ast::Layer;
use crate::attr::Keys;
use crate::errors::{Error, Errors, Place, list, similar};
use crate::key::{Key, Owner};
use crate::layers::LayerType;

/// A field as a layer.
pub(super) fn layer(errors: &mut Errors, fields: &[&Field], index: usize) -> Option<Layer> {
    let field = fields[index];
    let ident = field.ident.as_ref()?;
    let name = ident.unraw().to_string();
    for attr in &field.attrs {
        let path = attr.path();
        if path.is_ident("cfg") || path.is_ident("cfg_attr") {
            errors.push(
                Error::new(
                    Place::of(&attr.meta),
                    format!("`{name}` is conditional, but the macro has to see every layer"),
                )
                .note("it runs before the `cfg` of a field is evaluated")
                .help("write the condition on the struct, and one struct for each network"),
            );
        }
    }
    let written = known(errors, &name, field)?;
    let layer_type = written.layer?;
    let owner = Owner::Layer(ident, layer_type);
    let keys = keys(errors, owner, layer_type, field)?;
    let place = Place::of(&field.ty);
    let kind = layer_type.parse(&mut FieldReader {
        errors,
        name: &name,
        owner,
        keys: &keys,
        written: &written,
        place,
    });
    let (sources, from) = from::sources(errors, fields, index, layer_type)?;
    Some(Layer {
        name,
        name_place: Place::of(ident),
        place,
        layer_type,
        sources,
        from,
        kind: kind?,
    })
}

/// The field's type, if it is a layer with its generics.
fn known<'a>(errors: &mut Errors, name: &str, field: &'a Field) -> Option<Written<'a>> {
    let place = Place::of(&field.ty);
    let layers = LayerType::all();
    let note = format!(
        "a macro sees names only, so an alias is not known; the layers are\n{}",
        families()
    );
    let Some(written) = Written::new(&field.ty) else {
        errors.push(
            Error::new(place, format!("the type of `{name}` is not a layer"))
                .note(note)
                .help(format!("name a layer, as in `{name}: Relu`")),
        );
        return None;
    };
    let found = &written.name;
    let Some(layer) = written.layer else {
        let error = Error::new(place, format!("`{found}` of `{name}` is not a layer")).note(note);
        if let Some(instead) = instead(found, name) {
            errors.push(error.help(instead));
            return None;
        }
        let meant = match found.as_str() {
            "Linear" => Some(LayerType::Dense),
            "Swish" => Some(LayerType::Activation(Function::Silu)),
            _ => similar(found, &layers),
        };
        let generics = &field.ty.to_token_stream().to_string();
        errors.push(match meant {
            Some(LayerType::Dense) => match generics.split_once('<') {
                Some((_, generics)) => {
                    let sizes = generics.replace(' ', "").replace(',', ", ");
                    error.help(format!("write `{name}: Dense<{sizes}`"))
                }
                None => error.help(format!("write its sizes, as in `{name}: Dense<784, 64>`")),
            },
            Some(layer) if layer.generics().1 == 0 => {
                error.help(format!("write `{name}: {}`", layer.written()))
            }
            Some(layer) => error.help(format!(
                "write its sizes, as in `{name}: {}`",
                layer.example()
            )),
            None => error.help("compose the network of these layers"),
        });
        return None;
    };
    if !written.is_layer() {
        errors.push(sizes::miscounted(
            name,
            layer,
            written.generics.len(),
            place,
        ));
        return None;
    }
    Some(written)
}

/// The layers, a line for each family.
fn families() -> String {
    let line = |family, names: Vec<&str>| format!("{family}: {}", list(&names, "and"));
    let others = LayerType::FAMILIES.map(|(family, range)| {
        let layers = LayerType::OTHERS[range].iter();
        line(family, layers.map(|layer| layer.written()).collect())
    });
    let activations = Function::FAMILIES.map(|(family, functions)| {
        let names = functions.iter().map(|function| function.name());
        line(family, names.collect())
    });
    let lines: Vec<String> = others.into_iter().chain(activations).collect();
    lines.join("\n")
}

/// The keys of a field's one `#[bits(..)]`.
fn keys<'a>(
    errors: &mut Errors,
    owner: Owner<'a>,
    layer: LayerType,
    field: &Field,
) -> Option<Keys<'a>> {
    let mut attrs = field.attrs.iter().filter(|attr| is(attr, "bits"));
    let Some(attr) = attrs.next() else {
        let place = Place::of(&field.ident);
        let required: Vec<&str> = layer.required().into_iter().map(Key::name).collect();
        if !required.is_empty() {
            let layer = layer.name();
            errors.push(
                Error::new(place, format!("{owner} has no widths"))
                    .note(format!("`{layer}` needs its {}", list(&required, "and")))
                    .help(format!("write `{}` on {owner}", owner.example())),
            );
            return None;
        }
        return Some(Keys::none(owner, place));
    };
    for attr in attrs {
        errors.push(
            Error::new(
                Place::of(&attr.meta),
                format!("`#[bits(..)]` of {owner} is written twice"),
            )
            .help("write all keys of a field into one list"),
        );
    }
    if layer.keys().is_empty() {
        let layer = layer.name();
        errors.push(
            Error::new(
                Place::of(&attr.meta),
                format!("`{layer}` of {owner} takes no keys"),
            )
            .note("its integers and their widths follow from what it reads")
            .help(format!("remove `#[bits(..)]` from {owner}")),
        );
        return Some(Keys::none(owner, Place::of(&attr.meta)));
    }
    Keys::parse(errors, owner, &attr.meta)
}
