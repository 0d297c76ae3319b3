//! `#[from(a, b)]`: which fields a layer reads.

use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Field, Ident, Meta, Token};

use super::is;
use super::written::Written;
use crate::ast::Names;
use crate::errors::{Error, Errors, Place, Spanned, count, list, similar};
use crate::layers::LayerType;

/// The name of the network's input.
const INPUT: &str = "input";

/// What field `index` reads, 0 for the input and `i + 1` for field i, and where that and each name was
/// written.
pub(super) fn sources(
    errors: &mut Errors,
    fields: &[&Field],
    index: usize,
    layer: LayerType,
) -> Option<(Vec<usize>, Option<Names>)> {
    let field = fields[index];
    let name = name_of(field)?;
    let (least, most) = layer.operands();
    let mut attrs = field.attrs.iter().filter(|attr| is(attr, "from"));
    let Some(attr) = attrs.next() else {
        if least == 1 {
            return Some((vec![index], None));
        }
        let law = format!(
            "`{}` of `{name}` needs the names of two tensors, but has none",
            layer.name()
        );
        let help = completed(fields, index, layer, Vec::new());
        errors.push(Error::new(Place::of(&field.ty), law).help(help));
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
        meta => Err(syn::Error::new_spanned(meta, "not a list of names")),
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
            (1, 1) => "1",
            (2, 2) => "2",
            _ => "at least 2",
        };
        let law = format!(
            "`{}` of `{name}` reads {}, but takes {takes}",
            layer.name(),
            count(names.len(), "tensor")
        );
        let names = names.iter().map(|name| name.unraw().to_string());
        let help = completed(fields, index, layer, names.collect());
        errors.push(Error::new(place, law).help(help));
        return None;
    }
    let sources: Vec<Option<usize>> = names
        .iter()
        .map(|source| source_of(errors, fields, index, source))
        .collect();
    let places = names.iter().map(Place::of).collect();
    let from = Spanned {
        value: places,
        place,
    };
    Some((sources.into_iter().collect::<Option<_>>()?, Some(from)))
}

/// The edit that gives field `index` the number of names that it takes: those that were written, then the
/// nearest before it that it could read.
fn completed(fields: &[&Field], index: usize, layer: LayerType, mut names: Vec<String>) -> String {
    let (least, most) = layer.operands();
    let type_of = |field: &Field| Written::new(&field.ty).and_then(|written| written.layer);
    let reads = |field: &Field| match type_of(field) {
        None => false,
        Some(LayerType::Dense | LayerType::Conv(_)) => most == 1,
        Some(_) => true,
    };
    let tokens = fields
        .iter()
        .any(|field| type_of(field).is_some_and(LayerType::reads_tokens));
    let input = Some(INPUT.to_owned()).filter(|_| !tokens || most == 1);
    let before = fields[..index].iter().filter(|field| reads(field));
    let before = before.filter_map(|field| name_of(field));
    let mut others: Vec<String> = input.into_iter().chain(before).collect();
    others.retain(|other| !names.contains(other));
    names.truncate(most);
    let missing = least.saturating_sub(names.len());
    names.extend(others.split_off(others.len().saturating_sub(missing)));
    while names.len() < least {
        names.push(names.last().map_or(INPUT, |last| last).to_owned());
    }
    let name = name_of(fields[index]).unwrap_or_default();
    format!("write `#[from({})]` on `{name}`", names.join(", "))
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
            "a field after it"
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
