//! A specification as tokens: every type of [`fhe_nn_proof::spec`], by its path in `fhe-nn-core`.

use fhe_nn_proof::spec::{Encoding, Layer, Scales, Spec, Tokens};
use proc_macro2::TokenStream;
use quote::quote;

use crate::layers;

/// The specification as the expression of a constant. A declaration has no interface but its own.
pub(super) fn spec(spec: &Spec) -> TokenStream {
    let Spec {
        name,
        input,
        layers,
        interface: _,
    } = spec;
    let (shape, bits, input_scales) = (&*input.shape, input.bits, input.scales);
    let input = match input.tokens {
        None => quote!(new(&[#(#shape),*], #bits)),
        Some(Tokens {
            vocabulary,
            encoding,
        }) => match encoding {
            Encoding::OneHot => quote!(one_hot(&[#(#shape),*], #vocabulary)),
            Encoding::Number => quote!(numbers(&[#(#shape),*], #vocabulary, #bits)),
        },
    };
    let input = match input_scales {
        Scales::One => input,
        Scales::PerChannel => quote!(#input.with_scales(::fhe_nn_core::spec::Scales::PerChannel)),
        Scales::PerValue => quote!(#input.with_scales(::fhe_nn_core::spec::Scales::PerValue)),
    };
    let layers = layers.iter().map(layer);
    quote! {
        ::fhe_nn_core::Spec::new(
            #name,
            ::fhe_nn_core::spec::Input::#input,
            const { &[#(#layers),*] },
        )
    }
}

fn layer(layer: &Layer) -> TokenStream {
    let (name, op) = (&layer.name, layers::tokens(&layer.op));
    let path = quote!(::fhe_nn_core::spec);
    match &*layer.sources {
        [] => quote!(#path::Layer::new(#name, #path::Op::#op)),
        sources => quote!(#path::Layer::reading(#name, &[#(#sources),*], #path::Op::#op)),
    }
}
