//! A field: its type is the layer, its `#[bits(..)]` are the widths.

use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, Field};

use super::{from, is, sizes};
use crate::ast::{Activation, Embedding, Form, Kind, Layer, Linear, Pool, Taps};
use crate::attr::Keys;
use crate::errors::{Error, Errors, Place, Spanned, list, similar};
use crate::key::{Key, Owner};
use crate::layer::{Axes, LayerType, Written};
use crate::literal::peel;

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
    let required = |errors: &mut Errors, key| {
        let value = keys.required(errors, key)?;
        keys.number(errors, key, value)
    };
    let optional = |errors: &mut Errors, key| {
        let value = keys.value(key)?;
        keys.number(errors, key, value)
    };
    let place = Place::of(&field.ty);
    let kind = match layer_type {
        LayerType::Dense | LayerType::Conv(_) => {
            let weights = required(errors, Key::Weights);
            let accumulator = optional(errors, Key::Accumulator);
            let words = [Overflow::Checked, Overflow::Calibrated, Overflow::Wrap]
                .map(|overflow| (overflow.to_string(), overflow));
            let words = words
                .each_ref()
                .map(|(word, value)| (word.as_str(), *value));
            let overflow = keys.word(errors, Key::Overflow, &words);
            let form = sizes::sizes(errors, &name, layer_type, &written, place);
            form.and_then(|sizes| {
                Some(Kind::Linear(Linear {
                    form: form_of(layer_type, &sizes)?,
                    weights: weights?,
                    accumulator,
                    overflow,
                }))
            })
        }
        LayerType::Embedding => {
            let weights = required(errors, Key::Weights);
            let sizes = sizes::sizes(errors, &name, layer_type, &written, place);
            sizes.and_then(|sizes| {
                let &[vocabulary, dimension] = sizes.as_slice() else {
                    return None;
                };
                Some(Kind::Embedding(Embedding {
                    vocabulary,
                    dimension: dimension.value,
                    weights: weights?,
                }))
            })
        }
        LayerType::Pool(kind, axes) => {
            let sizes = sizes::sizes(errors, &name, layer_type, &written, place);
            sizes.map(|sizes| {
                let taps = match *sizes.as_slice() {
                    [kernel, stride, padding] => Some(Taps {
                        kernel,
                        stride,
                        padding,
                        dilation: 1,
                    }),
                    _ => None,
                };
                Kind::Pool(Pool { kind, axes, taps })
            })
        }
        LayerType::Add | LayerType::Mul | LayerType::Concat | LayerType::Flatten => {
            Some(Kind::Combination)
        }
        LayerType::Activation(function) => {
            let output = match function {
                Function::Sign => Some(1),
                _ => required(errors, Key::Output).map(|output| output.value),
            };
            let custom = match function {
                Function::Custom => Some(path(errors, &keys, owner)),
                _ => None,
            };
            let table = optional(errors, Key::Table).map(|table| table.value);
            let words = [Rounding::Exact, Rounding::Approximate]
                .map(|rounding| (rounding.to_string(), rounding));
            let words = words
                .each_ref()
                .map(|(word, value)| (word.as_str(), *value));
            let rounding = keys.word(errors, Key::Rounding, &words);
            let phases = optional(errors, Key::Phases);
            let custom = match custom {
                Some(None) => None,
                Some(Some(path)) => Some(Some(path)),
                None => Some(None),
            };
            output.zip(custom).map(|(output, custom)| {
                Kind::Activation(Activation {
                    function,
                    custom,
                    output,
                    table,
                    rounding,
                    phases,
                })
            })
        }
    };
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

fn form_of(layer: LayerType, sizes: &[Spanned<usize>]) -> Option<Form> {
    match (layer, sizes) {
        (LayerType::Dense, &[inputs, outputs]) => Some(Form::Dense {
            inputs,
            outputs: outputs.value,
        }),
        (LayerType::Conv(axes), &[inputs, outputs, kernel, stride, padding, dilation, groups]) => {
            Some(Form::Conv {
                flat: axes == Axes::One,
                inputs,
                outputs,
                taps: Taps {
                    kernel,
                    stride,
                    padding,
                    dilation: dilation.value,
                },
                groups,
            })
        }
        _ => None,
    }
}

/// The path of a user's own function.
fn path(errors: &mut Errors, keys: &Keys<'_>, owner: Owner<'_>) -> Option<syn::Path> {
    let value = keys.required(errors, Key::Function)?;
    match peel(value) {
        Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
        _ => {
            errors.push(
                Error::new(
                    Place::of(value),
                    format!("`function` of {owner} must be the path of a `fn(f32) -> f32`"),
                )
                .note("the quantizer calls it once for every entry of a table")
                .help("name a function, as in `function = f32::sin`"),
            );
            None
        }
    }
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
                error.help(format!("write `{name}: {}`", layer.name()))
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
        line(family, layers.map(|layer| layer.name()).collect())
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
