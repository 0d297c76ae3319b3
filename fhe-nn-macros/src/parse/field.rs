//! A field: its type is the layer, its `#[bits(..)]` are the widths.

use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use fhe_nn_proof::widths::MAX_VALUES;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, Field, GenericArgument};

use super::{extent_of, is};
use crate::ast::{Activation, Dense, Kind, Layer};
use crate::attr::Keys;
use crate::errors::{Error, Errors, Place, Spanned, list, similar};
use crate::key::{Key, Owner};
use crate::layer::{LayerType, Written};
use crate::literal::Integer;

/// A field as a layer.
pub(super) fn layer(errors: &mut Errors, field: &Field) -> Option<Layer> {
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
    let required = |errors: &mut Errors, key| {
        let value = keys.required(errors, key)?;
        keys.number(errors, key, value)
    };
    let optional = |errors: &mut Errors, key| {
        let value = keys.value(key)?;
        keys.number(errors, key, value)
    };
    let kind = match layer_type {
        LayerType::Dense => {
            let weights = required(errors, Key::Weights);
            let accumulator = optional(errors, Key::Accumulator);
            let words = [Overflow::Checked, Overflow::Calibrated, Overflow::Wrap]
                .map(|overflow| (overflow.to_string(), overflow));
            let words = words
                .each_ref()
                .map(|(word, value)| (word.as_str(), *value));
            let overflow = keys.word(errors, Key::Overflow, &words);
            let [inputs, outputs] = sizes(errors, &name, &written.generics)?;
            Kind::Dense(Dense {
                inputs,
                outputs: outputs.value,
                weights: weights?,
                accumulator,
                overflow,
            })
        }
        LayerType::Activation(function) => {
            let output = match function {
                Function::Sign => Some(1),
                _ => required(errors, Key::Output).map(|output| output.value),
            };
            let table = optional(errors, Key::Table).map(|table| table.value);
            let words = [Rounding::Exact, Rounding::Approximate]
                .map(|rounding| (rounding.to_string(), rounding));
            let words = words
                .each_ref()
                .map(|(word, value)| (word.as_str(), *value));
            let rounding = keys.word(errors, Key::Rounding, &words);
            Kind::Activation(Activation {
                function,
                output: output?,
                table,
                rounding,
                phases: optional(errors, Key::Phases),
            })
        }
    };
    Some(Layer {
        name,
        place: Place::of(&field.ty),
        kind,
    })
}

/// The field's type, if it is a layer with its generics.
fn known<'a>(errors: &mut Errors, name: &str, field: &'a Field) -> Option<Written<'a>> {
    let place = Place::of(&field.ty);
    let layers = LayerType::all();
    let note = format!(
        "a macro sees names only, so an alias is not known; the layers are `{}` and\n{}",
        LayerType::Dense.name(),
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
            Some(layer) => error.help(format!("write `{name}: {}`", layer.name())),
            None => error.help("compose the network of these layers"),
        });
        return None;
    };
    if !written.is_layer() {
        let count = written.generics.len();
        errors.push(match layer {
            LayerType::Dense => Error::new(
                place,
                format!("`Dense` of `{name}` has {count} sizes, but needs 2"),
            )
            .help(format!(
                "write the numbers of its inputs and outputs, as in `{name}: \
                    Dense<784, 64>`"
            )),
            LayerType::Activation(_) => {
                Error::new(place, format!("`{found}` of `{name}` takes no sizes"))
                    .note("an activation works on every value that it is given")
                    .help(format!("write `{name}: {found}`"))
            }
        });
        return None;
    }
    Some(written)
}

/// The activations, a line for each family.
fn families() -> String {
    let lines = Function::FAMILIES.map(|(family, functions)| {
        let names: Vec<&str> = functions.iter().map(|f| f.name()).collect();
        format!("{family}: {}", list(&names, "and"))
    });
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
        if let Some(key) = layer.required() {
            let layer = layer.name();
            errors.push(
                Error::new(place, format!("{owner} has no widths"))
                    .note(format!("`{layer}` needs its `{}`", key.name()))
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
    Keys::parse(errors, owner, &attr.meta)
}

/// The two sizes of `Dense<I, O>`.
fn sizes(
    errors: &mut Errors,
    name: &str,
    generics: &[&GenericArgument],
) -> Option<[Spanned<usize>; 2]> {
    let mut size = |index: usize, what: &str| {
        let integer = Integer {
            what: &format!("{what} of `{name}`"),
            min: 1,
            max: MAX_VALUES,
        };
        let expr = match generics.get(index)? {
            GenericArgument::Const(expr) => expr.clone(),
            other => Expr::Verbatim(other.to_token_stream()),
        };
        let size = integer.read(errors, &expr, |_| {
            format!(
                "write the numbers of its inputs and outputs, as in `{name}: \
                Dense<784, 64>`"
            )
        })?;
        Some(Spanned {
            value: extent_of(size.value),
            place: size.place,
        })
    };
    let (inputs, outputs) = (size(0, "number of inputs"), size(1, "number of outputs"));
    Some([inputs?, outputs?])
}
