//! The common part of layers with weights and accumulators.

use fhe_nn_proof::spec::{Overflow, Tensor, TensorKind};
use fhe_nn_proof::widths::Range;
use proc_macro2::TokenStream;
use quote::quote;

use super::windows::Taps;
use crate::errors::Spanned;
use crate::key::Key;
use crate::parse::reader::FieldReader;

/// The keys of a layer with weights and accumulators.
pub(super) const KEYS: &[Key] = &[Key::Weights, Key::Accumulator, Key::Overflow];

/// A layer with weights and accumulators as it was written.
pub(crate) struct Linear {
    /// What is multiplied by weights.
    pub(crate) form: Form,
    /// Width of a weight.
    pub(crate) weights: Spanned<u32>,
    /// Width that the accumulator is held to.
    pub(crate) accumulator: Option<Spanned<u32>>,
    /// What holds it to that width.
    pub(crate) overflow: Option<Spanned<Overflow>>,
}

/// What a layer multiplies by weights.
pub(crate) enum Form {
    /// All values.
    Dense {
        /// Number of input values.
        inputs: Spanned<usize>,
        /// Number of neurons.
        outputs: usize,
    },
    /// The values in windows.
    Conv {
        /// Number of input channels.
        inputs: Spanned<usize>,
        /// Number of output channels.
        outputs: Spanned<usize>,
        /// Their geometry.
        taps: Box<Taps>,
        /// Number of groups of channels.
        groups: Spanned<usize>,
    },
}

impl Form {
    /// Number of neurons, or of channels.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Form::Dense { outputs, .. } => *outputs,
            Form::Conv { outputs, .. } => outputs.value,
        }
    }
}

impl Linear {
    /// A layer whose sizes are read by `form`.
    pub(super) fn parse(
        field: &mut FieldReader<'_, '_>,
        form: impl Fn(&mut FieldReader<'_, '_>) -> Option<Form>,
    ) -> Option<Self> {
        let weights = field.required(Key::Weights);
        let accumulator = field.optional(Key::Accumulator);
        let overflow = field.word(
            Key::Overflow,
            &[Overflow::Checked, Overflow::Calibrated, Overflow::Wrap],
        );
        Some(Linear {
            form: form(field)?,
            weights: weights?,
            accumulator,
            overflow,
        })
    }

    /// What holds the accumulator to its width: `checked` unless written.
    pub(crate) fn overflow(&self) -> Overflow {
        self.overflow.map_or(Overflow::Checked, |word| word.value)
    }

    /// The facts of a result when only the number of its neurons is known.
    pub(super) fn unknown(&self) -> Tensor {
        let bits = self.accumulator.map_or(8, |width| width.value);
        Tensor {
            shape: vec![self.form.outputs()],
            range: Range::signed(bits),
            odd: false,
            kind: TensorKind::Accumulators,
        }
    }
}

/// The overflow as an expression.
pub(super) fn overflow_tokens(overflow: Overflow) -> TokenStream {
    match overflow {
        Overflow::Checked => quote!(::fhe_nn_core::spec::Overflow::Checked),
        Overflow::Calibrated => quote!(::fhe_nn_core::spec::Overflow::Calibrated),
        Overflow::Wrap => quote!(::fhe_nn_core::spec::Overflow::Wrap),
    }
}
