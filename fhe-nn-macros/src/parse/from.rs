//! `#[from(a, b)]`: which fields a layer reads.

use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Field, Ident, Meta, Token};

use super::is;
use crate::errors::{Error, Errors, Place, list, similar};
use crate::layer::{LayerType, Written};

/// The name of the network's input.
const INPUT: &str = "input";

/// What field `index` reads, 0 for the input and `i + 1` for field i, and where that was written.
pub(super) fn sources(
    errors: &mut Errors,
    fields: &[&Field],
    index: usize,
    layer: LayerType,
) -> Option<(Vec<usize>, Option<Place>)> {
    let field = fields[index];
    let name = name_of(field)?;
    let (least, most) = layer.operands();
    let mut attrs = field.attrs.iter().filter(|attr| is(attr, "from"));
    let Some(attr) = attrs.next() else {
        if least == 1 {
            return Some((vec![index], None));
        }
        // values, which such a layer reads
        let values = fields[..index].iter().filter(|field| {
            let layer = Written::new(&field.ty).and_then(|written| written.layer);
            !matches!(layer, Some(LayerType::Dense | LayerType::Conv(_)) | None)
        });
        let values: Vec<String> = values.filter_map(|field| name_of(field)).collect();
        let example = match values.as_slice() {
            [] => format!("{INPUT}, {INPUT}"),
            [one] => format!("{one}, {one}"),
            [.., one, other] => format!("{one}, {other}"),
        };
        errors.push(
            Error::new(
                Place::of(&field.ty),
                format!(
                    "`{}` of `{name}` reads several tensors, but which is not written",
                    layer.name()
                ),
            )
            .help(format!("write `#[from({example})]` on `{name}`")),
        );
        return None;
    };
    let place = Place::of(&attr.meta);
    for attr in attrs {
        errors.push(
            Error::new(
                Place::of(&attr.meta),
                format!("`#[from(..)]` of `{name}` is written twice"),
            )
            .help("write all names into one list"),
        );
    }
    let names = match &attr.meta {
        Meta::List(list) => list.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated),
        meta => Err(syn::Error::new_spanned(meta, "no list of names")),
    };
    let names: Vec<Ident> = match names {
        Ok(names) => names.into_iter().collect(),
        Err(error) => {
            let law = format!("the names that `{name}` reads cannot be read: {error}");
            errors.push(Error::new(place, law).help("names are written as in `#[from(a, b)]`"));
            return None;
        }
    };
    if !(least..=most).contains(&names.len()) {
        let takes = match (least, most) {
            (1, 1) => "one tensor",
            (2, 2) => "two tensors",
            _ => "two tensors and more",
        };
        errors.push(
            Error::new(
                place,
                format!(
                    "`{}` of `{name}` reads {}, but takes {takes}",
                    layer.name(),
                    names.len()
                ),
            )
            .help(format!("write {takes} into `#[from(..)]` on `{name}`")),
        );
        return None;
    }
    let sources: Vec<Option<usize>> = names
        .iter()
        .map(|source| source_of(errors, fields, index, source))
        .collect();
    Some((sources.into_iter().collect::<Option<_>>()?, Some(place)))
}

fn source_of(
    errors: &mut Errors,
    fields: &[&Field],
    index: usize,
    source: &Ident,
) -> Option<usize> {
    let (written, place) = (source.unraw().to_string(), Place::of(source));
    let all: Vec<String> = fields.iter().filter_map(|field| name_of(field)).collect();
    if let Some(found) = all.iter().position(|name| *name == written) {
        if found < index {
            return Some(found + 1);
        }
        let name = &all[index];
        let which = if found == index {
            "itself"
        } else {
            "a field behind it"
        };
        errors.push(
            Error::new(
                place,
                format!("`{name}` reads `{written}`, which is {which}"),
            )
            .note("fields run in the order in which they are written")
            .help(format!("move `{written}` before `{name}`, or read another")),
        );
        return None;
    }
    if written == INPUT {
        return Some(0);
    }
    let mut known: Vec<&str> = vec![INPUT];
    known.extend(all[..index].iter().map(String::as_str));
    let candidates: Vec<(&str, &str)> = known.iter().map(|&name| (name, name)).collect();
    let help = match similar(&written, &candidates) {
        Some(name) => format!("write `{name}` instead"),
        None => "name one of these".to_owned(),
    };
    errors.push(
        Error::new(
            place,
            format!("there is no `{written}` that `{}` could read", all[index]),
        )
        .note(format!("before it there are {}", list(&known, "and")))
        .help(help),
    );
    None
}

fn name_of(field: &Field) -> Option<String> {
    Some(field.ident.as_ref()?.unraw().to_string())
}
