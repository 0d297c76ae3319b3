//! The numbers among the generics of a layer.

use fhe_nn_proof::widths::MAX_VALUES;
use quote::ToTokens;
use syn::{Expr, GenericArgument};

use super::extent_of;
use super::written::Written;
use crate::errors::{Error, Errors, Place, Spanned};
use crate::layers::{LayerType, Size, Unwritten};
use crate::literal::Integer;

/// The numbers among all sizes of a layer, with defaults for those that were not written; `None` for those that
/// cannot be read and for windows.
pub(super) fn sizes(
    errors: &mut Errors,
    name: &str,
    written: &Written<'_>,
    place: Place,
) -> Vec<Option<Spanned<usize>>> {
    let Some(layer) = written.layer else {
        return Vec::new();
    };
    let help = |nearest| match (layer, nearest) {
        (LayerType::Dense, _) | (_, None) => advice(layer, name),
        (_, Some(nearest)) => format!("write `{nearest}` instead"),
    };
    numbers(
        errors,
        name,
        (layer.sizes(), &written.generics),
        place,
        help,
    )
}

/// The numbers among generics, with defaults for those that were not written. `help` is what [`Integer::read`] takes.
pub(super) fn numbers(
    errors: &mut Errors,
    name: &str,
    (sizes, generics): (&[Size], &[&GenericArgument]),
    place: Place,
    help: impl Fn(Option<u64>) -> String,
) -> Vec<Option<Spanned<usize>>> {
    let mut numbers: Vec<Option<Spanned<usize>>> = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let value = match (generics.get(index), size.unwritten) {
            (_, Unwritten::Windows) => None,
            (Some(generic), _) => {
                let integer = Integer {
                    what: &format!("{} of `{name}`", size.what),
                    min: size.min,
                    max: MAX_VALUES,
                };
                let expr = match generic {
                    GenericArgument::Const(expr) => expr.clone(),
                    other => Expr::Verbatim(other.to_token_stream()),
                };
                let number = integer.read(errors, &expr, &help);
                number.map(|number| Spanned {
                    value: extent_of(number.value),
                    place: number.place,
                })
            }
            (None, Unwritten::Number(value)) => Some(Spanned { value, place }),
            (None, Unwritten::As(other)) => numbers.get(other).copied().flatten(),
            (None, Unwritten::Missing) => None,
        };
        numbers.push(value);
    }
    numbers
}

/// Says that a layer has too many sizes, or too few.
pub(super) fn miscounted(name: &str, layer: LayerType, count: usize, place: Place) -> Error {
    let found = layer.name();
    match layer.generics() {
        (_, 0) => {
            let why = match layer {
                LayerType::Activation(_) => "an activation works on every value that it is given",
                _ => "its sizes follow from what it reads",
            };
            Error::new(place, format!("`{found}` of `{name}` takes no sizes"))
                .note(why)
                .help(format!("write `{name}: {}`", layer.written()))
        }
        (least, most) if least == most => Error::new(
            place,
            format!("`{found}` of `{name}` has {count} sizes, but needs {least}"),
        )
        .help(advice(layer, name)),
        (least, most) => {
            let what: Vec<&str> = layer.sizes().iter().map(|size| size.what).collect();
            Error::new(
                place,
                format!("`{found}` of `{name}` has {count} sizes, but takes {least} to {most}"),
            )
            .note(format!("they are, in this order: {}", what.join(", ")))
            .help(advice(layer, name))
        }
    }
}

fn advice(layer: LayerType, name: &str) -> String {
    match layer {
        LayerType::Dense => format!(
            "write the numbers of its inputs and outputs, as in `{name}: \
                Dense<784, 64>`"
        ),
        _ => format!(
            "write the numbers themselves, as in `{name}: {}`",
            layer.example()
        ),
    }
}
