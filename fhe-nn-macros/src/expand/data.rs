//! A specification as tokens: every type of [`fhe_nn_proof::spec`], by its path in `fhe-nn-core`.

use fhe_nn_proof::spec::{
    ActivationSpec, ConvSpec, DenseSpec, EmbeddingSpec, Encoding, Function, Layer, Op, Overflow,
    Pool, PoolSpec, Rounding, Spec, Tokens, Window,
};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};

/// The specification as the expression of a constant.
pub(super) fn spec(spec: &Spec) -> TokenStream {
    let Spec {
        name,
        input,
        layers,
    } = spec;
    let (shape, bits) = (&*input.shape, input.bits);
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
    let (name, op) = (&layer.name, op(&layer.op));
    let path = quote!(::fhe_nn_core::spec);
    match &*layer.sources {
        [] => quote!(#path::Layer::new(#name, #path::Op::#op)),
        sources => quote!(#path::Layer::reading(#name, &[#(#sources),*], #path::Op::#op)),
    }
}

/// A variant of `Op`.
fn op(op: &Op) -> TokenStream {
    let path = quote!(::fhe_nn_core::spec);
    match op {
        Op::Dense(DenseSpec {
            inputs,
            outputs,
            weights,
            accumulator,
            overflow,
        }) => {
            let overflow = self::overflow(*overflow);
            quote! {
                Dense(#path::DenseSpec {
                    inputs: #inputs,
                    outputs: #outputs,
                    weights: #weights,
                    accumulator: #accumulator,
                    overflow: #overflow,
                })
            }
        }
        Op::Conv(ConvSpec {
            window,
            flat,
            weights,
            accumulator,
            overflow,
        }) => {
            let (window, overflow) = (self::window(window), self::overflow(*overflow));
            quote! {
                Conv(#path::ConvSpec {
                    window: #window,
                    flat: #flat,
                    weights: #weights,
                    accumulator: #accumulator,
                    overflow: #overflow,
                })
            }
        }
        Op::Embedding(EmbeddingSpec {
            vocabulary,
            dimension,
            positions,
            encoding,
            weights,
        }) => {
            let encoding = match encoding {
                Encoding::OneHot => quote!(OneHot),
                Encoding::Number => quote!(Number),
            };
            quote! {
            Embedding(#path::EmbeddingSpec {
                vocabulary: #vocabulary,
                dimension: #dimension,
                positions: #positions,
                encoding: #path::Encoding::#encoding,
                weights: #weights,
            })
            }
        }
        Op::Activation(ActivationSpec {
            function,
            output,
            table,
            rounding,
            phases,
        }) => {
            let function = function_name(*function);
            let table = match table {
                Some(table) => quote!(::core::option::Option::Some(#table)),
                None => quote!(::core::option::Option::None),
            };
            let rounding = match rounding {
                Rounding::Exact => quote!(Exact),
                Rounding::Approximate => quote!(Approximate),
            };
            quote! {
                Activation(#path::ActivationSpec {
                    function: #path::Function::#function,
                    output: #output,
                    table: #table,
                    rounding: #path::Rounding::#rounding,
                    phases: #phases,
                })
            }
        }
        Op::Pool(PoolSpec { window, flat, kind }) => {
            let window = self::window(window);
            let kind = match kind {
                Pool::Average => quote!(Average),
                Pool::Max => quote!(Max),
            };
            quote! {
                Pool(#path::PoolSpec {
                    window: #window,
                    flat: #flat,
                    kind: #path::Pool::#kind,
                })
            }
        }
        Op::Add => quote!(Add),
        Op::Mul => quote!(Mul),
        Op::Concat => quote!(Concat),
        Op::Flatten => quote!(Flatten),
    }
}

fn overflow(overflow: Overflow) -> TokenStream {
    match overflow {
        Overflow::Checked => quote!(::fhe_nn_core::spec::Overflow::Checked),
        Overflow::Calibrated => quote!(::fhe_nn_core::spec::Overflow::Calibrated),
        Overflow::Wrap => quote!(::fhe_nn_core::spec::Overflow::Wrap),
    }
}

fn window(window: &Window) -> TokenStream {
    let Window {
        channels,
        outputs,
        input: [down, across],
        kernel: [kernel_down, kernel_across],
        stride: [stride_down, stride_across],
        padding: [padding_down, padding_across],
        dilation: [dilation_down, dilation_across],
        groups,
    } = window;
    quote! {
        ::fhe_nn_core::spec::Window {
            channels: #channels,
            outputs: #outputs,
            input: [#down, #across],
            kernel: [#kernel_down, #kernel_across],
            stride: [#stride_down, #stride_across],
            padding: [#padding_down, #padding_across],
            dilation: [#dilation_down, #dilation_across],
            groups: #groups,
        }
    }
}

/// The variant of a function has the name of its layer.
fn function_name(function: Function) -> impl ToTokens {
    format_ident!("{}", function.name())
}
