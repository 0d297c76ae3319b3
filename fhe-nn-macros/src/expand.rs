//! The expansion: the struct as it was written, its specification as data, and nothing else.
//! Behaviour is handwritten in `fhe-nn-core`.

mod constant;
mod data;

use fhe_nn_proof::spec::Spec;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Field, Generics, Ident, Item, Path, parse_quote};

use crate::ast::Network;
use crate::errors::Error;
use crate::layers::Kind;
use crate::parse::is;
use crate::parse::written::Written;
use crate::weights::Proved;

/// The struct and its `impl Network`.
pub(crate) fn expand(declared: &Network, spec: &Spec, model: Option<&Proved>) -> TokenStream {
    let item = &declared.item;
    let custom = declared
        .layers
        .iter()
        .filter_map(|layer| match &layer.kind {
            Kind::Activation(act) => act.custom.as_ref(),
            _ => None,
        });
    let custom: Vec<&Path> = custom.collect();
    let functions = if custom.is_empty() {
        TokenStream::new()
    } else {
        quote!(const FUNCTIONS: &'static [fn(f32) -> f32] = &[#(#custom),*];)
    };
    let fields: Vec<_> = item.fields.iter().map(|field| &field.ident).collect();
    let spec = data::spec(spec);
    let network = implement(
        &item.ident,
        &item.generics,
        &item.attrs,
        &quote!(&#spec),
        &functions,
        &quote!(::core::result::Result::Ok(Self { #(#fields: parts.take()?),* })),
        &quote!(::std::vec::Vec::from([#(::fhe_nn_core::layer::Layer::part(&self.#fields)),*])),
    );
    let model = match model {
        Some(Proved { path, proof }) => embedded(
            &item.ident,
            &item.attrs,
            &quote!(::core::include_bytes!(#path)),
            &constant::reference(&proof.plan),
        ),
        None => TokenStream::new(),
    };
    quote!(#item #network #model)
}

/// The errors, and a stand-in for the network so that they are the only ones.
/// If `embeds`, there is a stand-in for its model too.
pub(crate) fn fallback(item: TokenStream, errors: &[Error], embeds: bool) -> TokenStream {
    let errors = errors.iter().map(Error::to_compile_error);
    let item = without_ours(item);
    let item = match syn::parse2(item.clone()) {
        Ok(Item::Struct(mut item)) => {
            item.attrs.retain(|attr| !is(attr, "fhe_network"));
            item.fields.iter_mut().for_each(stand_in);
            let network = absent(&item.ident, &item.generics, &item.attrs);
            let model = if embeds && item.generics.params.is_empty() {
                let plan = quote!(&::fhe_nn_core::Plan::EMPTY);
                embedded(&item.ident, &item.attrs, &quote!(&[]), &plan)
            } else {
                TokenStream::new()
            };
            quote!(#item #network #model)
        }
        Ok(Item::Enum(item)) => {
            let network = absent(&item.ident, &item.generics, &item.attrs);
            quote!(#item #network)
        }
        Ok(Item::Union(item)) => {
            let network = absent(&item.ident, &item.generics, &item.attrs);
            quote!(#item #network)
        }
        Ok(_) | Err(_) => item,
    };
    quote!(#(#errors)* #item)
}

/// Any item without `#[bits(..)]` and `#[from(..)]`, which only this macro knows.
fn without_ours(item: TokenStream) -> TokenStream {
    let mut clean: Vec<TokenTree> = Vec::new();
    for token in item {
        let TokenTree::Group(group) = token else {
            clean.push(token);
            continue;
        };
        let first = group.stream().into_iter().next();
        let ours =
            matches!(first, Some(TokenTree::Ident(name)) if name == "bits" || name == "from");
        let hash = matches!(clean.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#');
        if hash && ours && group.delimiter() == Delimiter::Bracket {
            clean.pop();
            continue;
        }
        let mut inner = Group::new(group.delimiter(), without_ours(group.stream()));
        inner.set_span(group.span());
        clean.push(inner.into());
    }
    clean.into_iter().collect()
}

/// Replaces a layer type that does not exist by one that does.
fn stand_in(field: &mut Field) {
    let is_layer = |written: Written<'_>| written.is_layer() && written.has_windows();
    if !Written::new(&field.ty).is_some_and(is_layer) {
        field.ty = parse_quote!(::fhe_nn_core::layer::Unknown);
    }
}

/// An `impl Network` for an item that is not a network.
fn absent(name: &Ident, generics: &Generics, attrs: &[Attribute]) -> TokenStream {
    implement(
        name,
        generics,
        attrs,
        &quote!(&::fhe_nn_core::Spec::EMPTY),
        &TokenStream::new(),
        &quote!({
            let _ = parts;
            ::core::result::Result::Err(::fhe_nn_core::Error::Model(
                ::fhe_nn_core::error::ModelError::PartMissing,
            ))
        }),
        &quote!(::std::vec::Vec::new()),
    )
}

/// The `impl Embedded` of a network.
fn embedded(
    name: &Ident,
    attrs: &[Attribute],
    model: &TokenStream,
    plan: &TokenStream,
) -> TokenStream {
    let conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    quote! {
        #(#conditions)*
        const _: () = {
            #[automatically_derived]
            impl ::fhe_nn_core::Embedded for #name {
                const MODEL: &'static [u8] = #model;
                const PLAN: &'static ::fhe_nn_core::Plan = #plan;
            }
        };
    }
}

fn implement(
    name: &Ident,
    generics: &Generics,
    attrs: &[Attribute],
    spec: &TokenStream,
    functions: &TokenStream,
    from_parts: &TokenStream,
    parts: &TokenStream,
) -> TokenStream {
    let (generics, arguments, clause) = generics.split_for_impl();
    let conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    quote! {
        #(#conditions)*
        const _: () = {
            #[automatically_derived]
            impl #generics ::fhe_nn_core::Network for #name #arguments #clause {
                const SPEC: &'static ::fhe_nn_core::Spec = #spec;
                #functions
                fn from_parts(
                    parts: &mut ::fhe_nn_core::layer::Parts,
                ) -> ::core::result::Result<Self, ::fhe_nn_core::Error> {
                    #from_parts
                }
                fn parts(&self) -> ::std::vec::Vec<::fhe_nn_core::layer::Part> {
                    #parts
                }
            }
        };
    }
}
