//! The arguments of `#[fhe_network(..)]`: the input, and the model that is proved.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Token};

use super::input;
use crate::ast::{Input, Weights};
use crate::attr::Keys;
use crate::errors::{Error, Errors, Place, Spanned, similar};
use crate::key::Owner;
use crate::literal::{Integer, peel};

/// The arguments as they were written for a network.
pub(super) struct Args {
    pub(super) input: Option<Input>,
    pub(super) weights: Option<Weights>,
}

/// The arguments of the attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Input,
    Weights,
    Failure,
}

const ARGUMENTS: &[(&str, Argument)] = &[
    ("input", Argument::Input),
    ("weights", Argument::Weights),
    ("failure", Argument::Failure),
];
const EXAMPLE: &str = "#[fhe_network(input(shape = [784], bits = 1))]";

/// `input(..)`, `weights = ".."` and `failure = ..`, each at most once.
pub(super) fn args(errors: &mut Errors, args: TokenStream, name: &Ident) -> Args {
    let mut found = Args {
        input: None,
        weights: None,
    };
    let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(args) {
        Ok(metas) => metas,
        Err(error) => {
            errors
                .push(Error::from(error).help(format!("the input is declared as in `{EXAMPLE}`")));
            return found;
        }
    };
    let mut seen: Vec<Argument> = Vec::new();
    let (mut path, mut failure) = (None, None);
    for meta in &metas {
        let Some(argument) = argument(errors, meta) else {
            continue;
        };
        if seen.contains(&argument) {
            let written = meta.path().to_token_stream().to_string();
            errors.push(
                Error::new(
                    Place::of(meta.path()),
                    format!("`{written}` is written twice, but a network has one"),
                )
                .help("remove one of the two"),
            );
            continue;
        }
        seen.push(argument);
        match argument {
            Argument::Input => {
                let keys = Keys::parse(errors, Owner::Input, meta);
                found.input = keys.and_then(|keys| input::input(errors, &keys));
            }
            Argument::Weights => path = model(errors, meta),
            Argument::Failure => failure = bits(errors, meta).map(|bits| (meta, bits)),
        }
    }
    if !seen.contains(&Argument::Input) {
        errors.push(no_input(name));
    }
    match (path, failure) {
        (Some(path), failure) => {
            let failure = failure.map(|(_, bits)| bits);
            found.weights = Some(Weights { path, failure });
        }
        (None, Some((meta, _))) if !seen.contains(&Argument::Weights) => errors.push(
            Error::new(
                Place::of(meta),
                "`failure` is what is proved of a model, but no model is given",
            )
            .note("a network that is planned when it runs says it in `PlanOptions`")
            .help("remove `failure`, or add `weights = \"digits.safetensors\"`"),
        ),
        (None, _) => {}
    }
    found
}

/// Whether a model was to be proved and embedded, even if there are mistakes.
pub(crate) fn embeds(args: &TokenStream) -> bool {
    // the keys of `input(..)` are in a group, and so are not seen
    let mut names = args.clone().into_iter().filter_map(|token| match token {
        TokenTree::Ident(name) => Some(name.to_string()),
        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    });
    names.any(|name| known(&name).or_else(|| similar(&name, ARGUMENTS)) == Some(Argument::Weights))
}

/// The argument of this name.
fn known(name: &str) -> Option<Argument> {
    let mut arguments = ARGUMENTS.iter();
    arguments.find_map(|(known, argument)| (*known == name).then_some(*argument))
}

/// The kind of an argument; a misspelled one counts as what was meant.
fn argument(errors: &mut Errors, meta: &Meta) -> Option<Argument> {
    let written = meta.path().to_token_stream().to_string();
    if let Some(argument) = known(&written) {
        return Some(argument);
    }
    let meant = similar(&written, ARGUMENTS);
    let name = meant.and_then(|meant| ARGUMENTS.iter().find(|(_, known)| *known == meant));
    errors.push(
        Error::new(
            Place::of(meta.path()),
            format!("`{written}` is not an argument of `#[fhe_network(..)]`"),
        )
        .note(
            "its arguments are `input(..)`, `weights = ..` and `failure = ..`; widths belong to the fields, in \
                `#[bits(..)]`",
        )
        .help(match name {
            Some((name, _)) => format!("write `{name}` instead"),
            None => format!("the input is declared as in `{EXAMPLE}`"),
        }),
    );
    meant
}

/// The path of a model.
fn model(errors: &mut Errors, meta: &Meta) -> Option<LitStr> {
    if let Meta::NameValue(pair) = meta
        && let Expr::Lit(ExprLit {
            lit: Lit::Str(path),
            ..
        }) = peel(&pair.value)
    {
        return Some(path.clone());
    }
    errors.push(
        Error::new(
            Place::of(meta),
            "`weights` of the network is not a path of a file, in quotes",
        )
        .note("the file is a quantized model, as `save` writes it; the bits of weights belong to the fields")
        .help("write the path of a model, as in `weights = \"digits.safetensors\"`"),
    );
    None
}

/// Bits of a probability.
fn bits(errors: &mut Errors, meta: &Meta) -> Option<Spanned<u64>> {
    let integer = Integer {
        what: "`failure`",
        min: 1,
        max: 1024,
    };
    let Meta::NameValue(pair) = meta else {
        errors.push(
            Error::new(Place::of(meta), "`failure` needs a value")
                .note("each table and score fails with probability at most 2 to minus this")
                .help("write `failure = 128` on the network"),
        );
        return None;
    };
    integer.read(errors, &pair.value, |nearest| {
        format!(
            "write `failure = {}` on the network",
            nearest.unwrap_or(128)
        )
    })
}

fn no_input(name: &Ident) -> Error {
    // the attribute's place with the struct's hygiene, or the compiler would add a remark
    // about the macro
    let attribute = name.span().located_at(Span::call_site());
    Error::new(
        Place::at(attribute),
        format!("`{}` has no input", name.unraw()),
    )
    .note("the width of an accumulator follows from the width of what is added up")
    .help(format!("write `{EXAMPLE}`"))
}
