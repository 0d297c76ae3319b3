//! From tokens to the declared network: everything that one field or one list can tell.

mod args;
mod elsewhere;
mod field;
mod from;
mod input;
pub(crate) mod reader;
mod sizes;
mod windows;
pub(crate) mod written;

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Attribute, Field, Fields, Item, ItemStruct};

pub(crate) use self::args::embeds;
use crate::ast::Network;
use crate::errors::{Error, Errors, Place};

/// Reads the arguments of the attribute and the item below it.
pub(crate) fn parse(args: TokenStream, item: TokenStream) -> Result<Network, Vec<Error>> {
    let mut errors = Errors::new();
    let network = network(&mut errors, args, item);
    errors.finish(network)
}

fn network(errors: &mut Errors, args: TokenStream, item: TokenStream) -> Option<Network> {
    let place = Place::of(&item);
    let item = match syn::parse2(item) {
        Ok(Item::Struct(item)) => item,
        Ok(Item::Enum(item)) => return not_a_struct(errors, Place::of(item.ident), "an enum"),
        Ok(Item::Union(item)) => return not_a_struct(errors, Place::of(item.ident), "a union"),
        Ok(_) => return not_a_struct(errors, place, "something else"),
        Err(error) => {
            errors.push(error.into());
            return None;
        }
    };
    shell(errors, &item);
    let args = args::args(errors, args, &item.ident);
    let fields = match &item.fields {
        Fields::Named(fields) => &fields.named,
        Fields::Unnamed(_) => {
            return not_a_struct(errors, Place::of(item.ident), "a tuple struct");
        }
        Fields::Unit => return not_a_struct(errors, Place::of(item.ident), "a unit struct"),
    };
    let fields: Vec<&Field> = fields.iter().collect();
    let layers: Vec<_> = (0..fields.len())
        .map(|index| field::layer(errors, &fields, index))
        .collect();
    Some(Network {
        layers: layers.into_iter().collect::<Option<_>>()?,
        input: args.input?,
        weights: args.weights,
        item: ItemStruct {
            fields: without_ours(item.fields),
            ..item
        },
    })
}

fn not_a_struct(errors: &mut Errors, place: Place, what: &str) -> Option<Network> {
    errors.push(
        Error::new(
            place,
            format!("a network is a struct with named fields, but this is {what}"),
        )
        .note(
            "a field's type is a layer, its `#[bits(..)]` are the widths, and \
                the order of the fields is the order of execution",
        )
        .help(
            "declare it as in `struct Digits { #[bits(weights = 4)] scores: \
                Dense<784, 10> }`",
        ),
    );
    None
}

/// Checks what surrounds the fields: there are no generics, no second attribute and no keys of a layer.
fn shell(errors: &mut Errors, item: &ItemStruct) {
    let name = item.ident.unraw();
    let generics = &item.generics;
    if !generics.params.is_empty() {
        errors.push(
            Error::new(
                Place::of(&generics.params),
                format!("`{name}` is generic, but a network has fixed shapes and widths"),
            )
            .help("write the numbers into the fields, and one struct for each network"),
        );
    } else if let Some(clause) = &generics.where_clause {
        errors.push(
            Error::new(
                Place::of(clause),
                format!("`{name}` has a where clause, but a network is not generic"),
            )
            .help("remove the clause"),
        );
    }
    for attr in &item.attrs {
        if is(attr, "bits") {
            errors.push(
                Error::new(Place::of(&attr.meta), "`#[bits(..)]` belongs to a field").help(
                    "write the width of the input as in `#[fhe_network(input(shape = \
                        [784], bits = 1))]`",
                ),
            );
        } else if is(attr, "fhe_network") {
            errors.push(
                Error::new(
                    Place::of(&attr.meta),
                    format!("`#[fhe_network(..)]` of `{name}` is written twice"),
                )
                .help("remove one of the two"),
            );
        }
    }
}

fn extent_of(extent: u64) -> usize {
    usize::try_from(extent).expect("extents are at most 2^24")
}

pub(crate) fn is(attr: &Attribute, name: &str) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|last| last.ident == name)
}

/// Fields without `#[bits(..)]` and `#[from(..)]`, which only this macro knows.
fn without_ours(mut fields: Fields) -> Fields {
    for field in &mut fields {
        field
            .attrs
            .retain(|attr| !is(attr, "bits") && !is(attr, "from"));
    }
    fields
}
