//! A plan as tokens: the expression of a constant, with the types of `fhe_nn_core::plan`.

use std::borrow::Cow;

use fhe_nn_proof::client::{
    Affine, ClientSpec, Combination, Interface, Line, OutputForm, OutputGrid, Outputs, ScoreTerm,
};
use fhe_nn_proof::encoder::{Encoder, Norm, Ties};
use fhe_nn_proof::noise::{Decomposition, Shape};
use fhe_nn_proof::plan::{
    Bootstrap, InputPlan, OutputPlan, Plan, PlanOptions, Prefer, Round, Stage, Sums, Version,
};
use fhe_nn_proof::spec::{Encoding, Rounding, Tokens};
use fhe_nn_proof::widths::{Lattice, Reader};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// The expression of a reference to a plan.
pub(super) fn reference(plan: &Plan) -> TokenStream {
    let plan = plan.constant();
    quote!(&#plan)
}

/// A value that can be written as the expression of a constant.
trait Constant {
    /// The expression.
    fn constant(&self) -> TokenStream;
}

/// Implements [`Constant`] for structs by their fields and for enums by their variants; the compiler
/// misses none of them.
macro_rules! constants {
    (
        $(struct $struct:ident { $($field:ident),+ })*
        $(enum $enum:ident { $($variant:ident),+ })*
    ) => {
        $(impl Constant for $struct {
            fn constant(&self) -> TokenStream {
                let $struct { $($field),+ } = self;
                $(let $field = $field.constant();)+
                quote!(::fhe_nn_core::plan::$struct { $($field: #$field),+ })
            }
        })*
        $(impl Constant for $enum {
            fn constant(&self) -> TokenStream {
                match self {
                    $($enum::$variant => quote!(::fhe_nn_core::plan::$enum::$variant),)+
                }
            }
        })*
    };
}

constants! {
    struct Plan { version, client, input, stages, output, model, options }
    struct InputPlan { dimension }
    struct Stage {
        sums, lookup, phases, rounds, bootstrap,
        output_variance, table_variance, log2_failure, step_probability
    }
    struct Sums {
        linear, sources, terms, reader, width, step_width, table_bits, rounding, modulus, neurons
    }
    struct Round { above, neurons, bootstraps, bootstrap }
    struct Bootstrap { keyswitch, small_dimension, shape, extension, digits, body, key_bits, companion }
    struct OutputPlan {
        sums, keyswitch, dimension, element_bits, variance, log2_failure
    }
    struct Decomposition { base_log, levels }
    struct Shape { dimension, polynomial_size }
    struct ClientSpec {
        network, inputs, tokens, input_bits, encoder, widths, lattices, decoder, interface
    }
    struct Encoder { ties, affines, norms }
    struct Norm { mean, std }
    struct Interface { order, outputs }
    struct Outputs { combinations, grid }
    struct Combination { offset, terms }
    struct ScoreTerm { score, weight }
    struct OutputGrid { scale, zero_point, lo, hi, form }
    struct Affine { scale, zero_point }
    struct Line { slope, offset }
    struct Tokens { vocabulary, encoding }
    struct Lattice { step_bits, offset }
    enum Version { First, Second, Third, Fourth }
    enum Ties { ToEven, AwayFromZero }
    enum OutputForm { Real, Level }
    enum Prefer { Fastest, SmallestKeys }
    enum Encoding { OneHot, Number }
    enum Rounding { Exact, Approximate }
    enum Reader { Padded, Antiperiodic, Client }
}

impl Constant for PlanOptions {
    fn constant(&self) -> TokenStream {
        let (failure_bits, prefer) = (self.failure_bits().constant(), self.prefer().constant());
        let memory_limit = self.memory_limit().into_iter();
        quote! {
            ::fhe_nn_core::plan::PlanOptions::new()
                .with_failure_bits(#failure_bits)
                .with_prefer(#prefer)
                #(.with_memory_limit(#memory_limit))*
        }
    }
}

impl Constant for f64 {
    /// The expression is exact to the last bit.
    fn constant(&self) -> TokenStream {
        let bits = self.to_bits();
        quote!(::core::primitive::f64::from_bits(#bits))
    }
}

impl<T: Constant> Constant for Option<T> {
    fn constant(&self) -> TokenStream {
        match self {
            Some(value) => {
                let value = value.constant();
                quote!(::core::option::Option::Some(#value))
            }
            None => quote!(::core::option::Option::None),
        }
    }
}

impl<T: Constant + Clone> Constant for Cow<'_, [T]> {
    fn constant(&self) -> TokenStream {
        let items = self.iter().map(Constant::constant);
        quote!(::std::borrow::Cow::Borrowed(&[#(#items),*]))
    }
}

impl Constant for Cow<'_, str> {
    fn constant(&self) -> TokenStream {
        let text: &str = self;
        quote!(::std::borrow::Cow::Borrowed(#text))
    }
}

impl<const N: usize> Constant for [u8; N] {
    fn constant(&self) -> TokenStream {
        let bytes = self.iter();
        quote!([#(#bytes),*])
    }
}

macro_rules! literals {
    ($($integer:ty),+) => {
        $(impl Constant for $integer {
            fn constant(&self) -> TokenStream {
                self.to_token_stream()
            }
        })+
    };
}

literals!(u32, u64, usize, i64);
