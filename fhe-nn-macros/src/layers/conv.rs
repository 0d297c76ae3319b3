//! `Conv1d<..>` and `Conv2d<..>`.

use fhe_nn_proof::spec::{ConvSpec, Op};
use proc_macro2::TokenStream;
use quote::quote;

use super::linear::{Form, Linear, overflow_tokens};
use super::size::{Size, Unwritten, needed, optional};
use super::windows::{Axes, Taps, window_tokens};
use crate::check::reads::Reads;
use crate::errors::{Error, count};
use crate::parse::reader::FieldReader;

pub(super) const SIZES: &[Size] = &[
    needed("number of input channels"),
    needed("number of output channels"),
    needed("kernel"),
    optional("stride", 1, Unwritten::Number(1)),
    optional("padding", 0, Unwritten::Number(0)),
    optional("dilation", 1, Unwritten::Number(1)),
    optional("number of groups", 1, Unwritten::Number(1)),
];

pub(super) fn name(axes: Axes) -> &'static str {
    match axes {
        Axes::One => "Conv1d",
        Axes::Two | Axes::All => "Conv2d",
    }
}

pub(super) fn parse(field: &mut FieldReader<'_, '_>, axes: Axes) -> Option<Linear> {
    Linear::parse(field, |sizes| match sizes {
        &[inputs, outputs, kernel, stride, padding, dilation, groups] => Some(Form::Conv {
            flat: axes == Axes::One,
            inputs,
            outputs,
            taps: Taps {
                kernel,
                stride,
                padding,
                dilation: dilation.value,
            },
            groups,
        }),
        _ => None,
    })
}

/// Checks that it gets the channels that it takes, that groups divide them, and that its windows fit.
pub(super) fn agree(reads: &mut Reads<'_>, linear: &Linear) -> Option<Op> {
    let Form::Conv {
        flat,
        inputs,
        outputs,
        taps,
        groups,
    } = &linear.form
    else {
        return None;
    };
    let (name, shape) = (&reads.layer.name, &reads.first().shape);
    let area = reads.area(shape, *flat)?;
    if reads.known && shape[0] != inputs.value {
        let law = format!(
            "`{name}` takes {}, but gets {}",
            count(inputs.value, "channel"),
            shape[0]
        );
        let help = reads.rewritten(&[shape[0], outputs.value], taps, groups.value);
        reads.mismatch(inputs.place, law, help);
    }
    for (what, channels) in [("input", inputs), ("output", outputs)] {
        if !channels.value.is_multiple_of(groups.value) {
            let law = format!(
                "{} of `{name}` do not divide its {}",
                count(groups.value, "group"),
                count(channels.value, &format!("{what} channel"))
            );
            let divisor = (1..=groups.value.min(channels.value))
                .rev()
                .find(|d| inputs.value.is_multiple_of(*d) && outputs.value.is_multiple_of(*d));
            let channels = [inputs.value, outputs.value];
            let help = reads.rewritten(&channels, taps, divisor.unwrap_or(1));
            reads.errors.push(Error::new(groups.place, law).help(help));
            return None;
        }
    }
    let channels = (inputs.value, outputs.value, groups.value);
    let window = reads.window(taps, *flat, area, channels)?;
    Some(Op::Conv(ConvSpec {
        window,
        flat: *flat,
        weights: linear.weights.value,
        accumulator: reads.worst_case(window.taps(), linear.weights.value),
        overflow: linear.overflow(),
    }))
}

pub(super) fn tokens(conv: &ConvSpec) -> TokenStream {
    let ConvSpec {
        window,
        flat,
        weights,
        accumulator,
        overflow,
    } = conv;
    let (window, overflow) = (window_tokens(window), overflow_tokens(*overflow));
    quote! {
        Conv(::fhe_nn_core::spec::ConvSpec {
            window: #window,
            flat: #flat,
            weights: #weights,
            accumulator: #accumulator,
            overflow: #overflow,
        })
    }
}
