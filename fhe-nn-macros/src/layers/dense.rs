//! `Dense<I, O>`.

use fhe_nn_proof::spec::{DenseSpec, Op};
use proc_macro2::TokenStream;
use quote::quote;

use super::linear::{Form, Linear, overflow_tokens};
use super::size::{Size, needed};
use crate::check::reads::Reads;
use crate::errors::{Spanned, count};
use crate::parse::reader::FieldReader;

pub(super) const SIZES: &[Size] = &[needed("number of inputs"), needed("number of outputs")];

pub(super) fn parse(field: &mut FieldReader<'_, '_>) -> Option<Linear> {
    Linear::parse(field, |field| match *field.sizes()?.as_slice() {
        [inputs, outputs] => Some(Form::Dense {
            inputs,
            outputs: outputs.value,
        }),
        _ => None,
    })
}

/// Checks that it gets the number of values that it takes.
pub(super) fn agree(
    reads: &mut Reads<'_>,
    linear: &Linear,
    inputs: Spanned<usize>,
    outputs: usize,
) -> Op {
    let (name, values) = (&reads.layer.name, reads.first().len());
    if reads.known && values != inputs.value {
        let law = format!(
            "`{name}` takes {}, but gets {values}",
            count(inputs.value, "value")
        );
        let help = format!("write `{name}: Dense<{values}, {outputs}>`");
        reads.mismatch(inputs.place, law, help);
    }
    Op::Dense(DenseSpec {
        inputs: inputs.value,
        outputs,
        weights: linear.weights.value,
        accumulator: reads.worst_case(inputs.value, linear.weights.value),
        overflow: linear.overflow(),
    })
}

pub(super) fn tokens(dense: &DenseSpec) -> TokenStream {
    let DenseSpec {
        inputs,
        outputs,
        weights,
        accumulator,
        overflow,
    } = dense;
    let overflow = overflow_tokens(*overflow);
    quote! {
        Dense(::fhe_nn_core::spec::DenseSpec {
            inputs: #inputs,
            outputs: #outputs,
            weights: #weights,
            accumulator: #accumulator,
            overflow: #overflow,
        })
    }
}
