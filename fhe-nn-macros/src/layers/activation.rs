//! Activations: lookup tables, which do not take any sizes.

use fhe_nn_proof::plan::advised_table_bits;
use fhe_nn_proof::spec::{ActivationSpec, Function, Op, Rounding, Tensor, TensorKind};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Path;

use crate::errors::Spanned;
use crate::key::Key;
use crate::parse::reader::FieldReader;

/// An activation as it was written.
pub(crate) struct Activation {
    /// The function.
    pub(crate) function: Function,
    /// The user's function, of a `Custom`.
    pub(crate) custom: Option<Path>,
    /// Width of a result; 1 for `Sign`.
    pub(crate) output: u32,
    /// Number of bits that the table reads.
    pub(crate) table: Option<u32>,
    /// How the bits that the table does not read are dropped.
    pub(crate) rounding: Option<Spanned<Rounding>>,
    /// Number of values per neuron.
    pub(crate) phases: Option<Spanned<u32>>,
}

pub(super) fn keys(function: Function) -> &'static [Key] {
    match function {
        Function::Wave => &[Key::Output, Key::Table, Key::Rounding, Key::Phases],
        Function::Sign => &[Key::Table, Key::Rounding, Key::Phases],
        Function::Custom => &[Key::Output, Key::Function, Key::Table, Key::Rounding],
        _ => &[Key::Output, Key::Table, Key::Rounding],
    }
}

impl Activation {
    pub(super) fn parse(field: &mut FieldReader<'_, '_>, function: Function) -> Option<Self> {
        let output = match function {
            Function::Sign => Some(1),
            _ => field.required(Key::Output).map(|output| output.value),
        };
        let custom = match function {
            Function::Custom => field.path(Key::Function).map(Some),
            _ => Some(None),
        };
        let table = field.optional(Key::Table).map(|table| table.value);
        let rounding = field.word(Key::Rounding, &[Rounding::Exact, Rounding::Approximate]);
        let phases = field.optional(Key::Phases);
        Some(Activation {
            function,
            custom: custom?,
            output: output?,
            table,
            rounding,
            phases,
        })
    }

    /// Number of bits that its table is advised to read: few, but enough for its phases.
    pub(crate) fn advised_table(&self) -> u32 {
        let phases = self.phases.as_ref().map_or(1, |phases| phases.value.max(1));
        advised_table_bits(self.function.reader()).max(1 + phases.ilog2())
    }

    /// Number of values per neuron: 1 unless written.
    pub(crate) fn phases(&self) -> u32 {
        self.phases.map_or(1, |phases| phases.value)
    }

    /// The activation as data. It fits every shape.
    pub(super) fn op(&self) -> Op {
        let rounding = self.rounding.map(|rounding| rounding.value);
        Op::Activation(ActivationSpec {
            function: self.function,
            output: self.output,
            table: self.table,
            rounding: rounding.unwrap_or(Rounding::Exact),
            phases: self.phases(),
        })
    }

    /// The facts of a result whose shape is not known.
    pub(super) fn unknown(&self) -> Tensor {
        Tensor {
            shape: vec![1],
            range: self.function.range(self.output),
            odd: false,
            kind: TensorKind::Values,
        }
    }
}

/// Why an activation that reads the results of another is of no use.
pub(super) fn before_an_activation() -> String {
    "two functions of single values, one after the other, are one".to_owned()
}

pub(super) fn tokens(act: &ActivationSpec) -> TokenStream {
    let ActivationSpec {
        function,
        output,
        table,
        rounding,
        phases,
    } = act;
    // the variant of a function has the name of its layer
    let function = format_ident!("{}", function.name());
    let table = match table {
        Some(table) => quote!(::core::option::Option::Some(#table)),
        None => quote!(::core::option::Option::None),
    };
    let rounding = match rounding {
        Rounding::Exact => quote!(Exact),
        Rounding::Approximate => quote!(Approximate),
    };
    quote! {
        Activation(::fhe_nn_core::spec::ActivationSpec {
            function: ::fhe_nn_core::spec::Function::#function,
            output: #output,
            table: #table,
            rounding: ::fhe_nn_core::spec::Rounding::#rounding,
            phases: #phases,
        })
    }
}
