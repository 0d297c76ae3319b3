//! Windows that are written axis by axis, `Axis<..>` or `(Axis<..>, Axis<..>)`.

use quote::ToTokens;
use syn::{GenericArgument, Type};

use super::sizes::numbers;
use super::written::{Written, last, peel};
use crate::errors::{Error, Errors, Place, Spanned};
use crate::layers::{AXIS, AxisTaps, LayerType, Taps, Unwritten};

/// The windows among the generics of a layer; `None` if they cannot be read.
pub(super) fn windows(errors: &mut Errors, name: &str, written: &Written<'_>) -> Option<Taps> {
    let layer = written.layer?;
    let mut sizes = layer.sizes().iter();
    let index = sizes.position(|size| size.unwritten == Unwritten::Windows)?;
    let generic = *written.generics.get(index)?;
    let place = Place::of(generic);
    let axes = match generic {
        GenericArgument::Type(ty) => axes(ty),
        _ => None,
    };
    let Some(axes) = axes else {
        errors.push(not_windows(name, layer, written, index));
        return None;
    };
    let mut axis = |generics: &[&GenericArgument]| axis(errors, name, generics, place, layer);
    match axes {
        Axes::One(across) => Some(Taps {
            axes: [AxisTaps::none(place), axis(&across)?],
            flat: true,
            square: false,
        }),
        Axes::Two(down, across) => {
            let (down, across) = (axis(&down), axis(&across));
            Some(Taps {
                axes: [down?, across?],
                flat: false,
                square: false,
            })
        }
    }
}

/// Whether a generic is an axis with as many sizes as it takes, or a pair of such.
pub(super) fn are_axes(generic: &GenericArgument) -> bool {
    let takes = |sizes: &[&GenericArgument]| (1..=AXIS.len()).contains(&sizes.len());
    match generic {
        GenericArgument::Type(ty) => match axes(ty) {
            Some(Axes::One(across)) => takes(&across),
            Some(Axes::Two(down, across)) => takes(&down) && takes(&across),
            None => false,
        },
        _ => false,
    }
}

/// The generics of the axes of windows.
enum Axes<'a> {
    One(Vec<&'a GenericArgument>),
    Two(Vec<&'a GenericArgument>, Vec<&'a GenericArgument>),
}

/// The axes that a type says; `None` if it is another type.
fn axes(ty: &Type) -> Option<Axes<'_>> {
    match peel(ty) {
        Type::Tuple(pair) => {
            let mut axes = pair.elems.iter().map(|ty| sizes_of_axis(peel(ty)));
            match (axes.next(), axes.next(), axes.next()) {
                (Some(down), Some(across), None) => Some(Axes::Two(down?, across?)),
                _ => None,
            }
        }
        one => sizes_of_axis(one).map(Axes::One),
    }
}

/// The generics of `Axis<..>`; `None` for another type.
fn sizes_of_axis(ty: &Type) -> Option<Vec<&GenericArgument>> {
    let Type::Path(path) = ty else {
        return None;
    };
    let (name, sizes) = last(&path.path)?;
    (name == "Axis").then_some(sizes)
}

/// One axis of the windows of a layer, whose generics are at `place`. The stride of a pool must be written where windows
/// have several taps.
fn axis(
    errors: &mut Errors,
    name: &str,
    generics: &[&GenericArgument],
    place: Place,
    layer: LayerType,
) -> Option<AxisTaps> {
    let place = generics.first().map_or(place, Place::of);
    let most = AXIS.len();
    if !(1..=most).contains(&generics.len()) {
        let what: Vec<&str> = AXIS.iter().map(|size| size.what).collect();
        let law = format!(
            "an `Axis` of `{name}` has {} sizes, but takes 1 to {most}",
            generics.len()
        );
        errors.push(
            Error::new(place, law)
                .note(format!("they are, in this order: {}", what.join(", ")))
                .help("write the numbers themselves, as in `Axis<5, 2>`"),
        );
        return None;
    }
    let help = |nearest| match nearest {
        Some(nearest) => format!("write `{nearest}` instead"),
        None => "write the number itself, as in `Axis<5, 2>`".to_owned(),
    };
    let sizes = numbers(errors, name, (AXIS, generics), place, help);
    let sizes: Option<Vec<Spanned<usize>>> = sizes.into_iter().collect();
    let &[kernel, apart, near, dilation, far] = sizes?.as_slice() else {
        return None;
    };
    if matches!(layer, LayerType::Pool(..)) && generics.len() == 1 && kernel.value > 1 {
        let taps = kernel.value;
        errors.push(
            Error::new(kernel.place, format!("stride of `{name}` is not written"))
                .note("an axis moves by 1 unless it says more, but windows of a pool mostly lie side by side")
                .help(format!(
                    "write `{taps}, {taps}` instead, or `{taps}, 1` for a window at each place"
                )),
        );
        return None;
    }
    Some(AxisTaps {
        kernel,
        stride: apart,
        near,
        dilation: dilation.value,
        far,
    })
}

/// The error for something that is no windows. Numbers are those of the layer that has numbers.
fn not_windows(name: &str, layer: LayerType, written: &Written<'_>, index: usize) -> Error {
    let generics = &written.generics;
    let other = format!("{}2d", layer.name());
    let help = match generics[index] {
        GenericArgument::Const(_) => {
            let texts = generics.iter().map(|generic| generic.to_token_stream());
            let mut sizes: Vec<String> = texts.map(|text| text.to_string()).collect();
            if sizes.len() > index + 1 {
                let between = ["1", "0", "1"].map(str::to_owned);
                sizes.splice(index + 1..index + 1, between);
            }
            format!("write `{name}: {other}<{}>`", sizes.join(", "))
        }
        _ => format!("write the axes, as in `{name}: {}`", layer.example()),
    };
    Error::new(
        Place::of(generics[index]),
        format!("windows of `{name}` must be an `Axis`, or a pair of them"),
    )
    .note("an axis is `Axis<K, STRIDE = 1, PADDING = 0, DILATION = 1, FAR = PADDING>`")
    .help(help)
}
