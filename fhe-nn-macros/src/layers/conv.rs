//! `Conv1d<..>`, `Conv2d<..>` and `Conv<..>`.

use fhe_nn_proof::spec::{ConvSpec, Op};
use proc_macro2::TokenStream;
use quote::quote;

use super::linear::{Form, Linear, overflow_tokens};
use super::size::{Size, Unwritten, WINDOWS, needed, optional};
use super::windows::{Axes, AxisTaps, Taps, window_tokens};
use crate::check::reads::Reads;
use crate::errors::{Error, count};
use crate::parse::reader::FieldReader;

const SIZES: &[Size] = &[
    needed("number of input channels"),
    needed("number of output channels"),
    needed("kernel"),
    optional("stride", 1, Unwritten::Number(1)),
    optional("padding", 0, Unwritten::Number(0)),
    optional("dilation", 1, Unwritten::Number(1)),
    optional("number of groups", 1, Unwritten::Number(1)),
];

const EACH: &[Size] = &[
    needed("number of input channels"),
    needed("number of output channels"),
    WINDOWS,
    optional("number of groups", 1, Unwritten::Number(1)),
];

pub(super) fn sizes(axes: Axes) -> &'static [Size] {
    match axes {
        Axes::One | Axes::Two | Axes::All => SIZES,
        Axes::Each => EACH,
    }
}

pub(super) fn name(axes: Axes) -> &'static str {
    match axes {
        Axes::One => "Conv1d",
        Axes::Two | Axes::All => "Conv2d",
        Axes::Each => "Conv",
    }
}

pub(super) fn parse(field: &mut FieldReader<'_, '_>, axes: Axes) -> Option<Linear> {
    Linear::parse(field, |field| {
        if axes == Axes::Each {
            let (numbers, taps) = (field.numbers(), field.windows());
            let [Some(inputs), Some(outputs), _, Some(groups)] = *numbers.as_slice() else {
                return None;
            };
            return Some(Form::Conv {
                inputs,
                outputs,
                taps: Box::new(taps?),
                groups,
            });
        }
        let sizes = field.sizes()?;
        let &[inputs, outputs, kernel, stride, padding, dilation, groups] = sizes.as_slice() else {
            return None;
        };
        let axis = AxisTaps {
            kernel,
            stride,
            near: padding,
            dilation: dilation.value,
            far: padding,
        };
        Some(Form::Conv {
            inputs,
            outputs,
            taps: Box::new(Taps::square(axis, axes == Axes::One)),
            groups,
        })
    })
}

/// Checks that it gets the channels that it takes, that groups divide them, and that its windows fit.
pub(super) fn agree(reads: &mut Reads<'_>, linear: &Linear) -> Option<Op> {
    let Form::Conv {
        inputs,
        outputs,
        taps,
        groups,
    } = &linear.form
    else {
        return None;
    };
    let (name, shape) = (&reads.layer.name, &reads.first().shape);
    let area = reads.area(shape, taps.flat)?;
    if reads.known && shape[0] != inputs.value {
        let law = format!(
            "`{name}` takes {}, but gets {}",
            count(inputs.value, "channel"),
            shape[0]
        );
        let channels = (shape[0], outputs.value, groups.value);
        let help = reads.rewritten(&taps.window(area, channels), taps.flat);
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
            let channels = (inputs.value, outputs.value, divisor.unwrap_or(1));
            let help = reads.rewritten(&taps.window(area, channels), taps.flat);
            reads.errors.push(Error::new(groups.place, law).help(help));
            return None;
        }
    }
    let channels = (inputs.value, outputs.value, groups.value);
    let window = reads.window(taps, area, channels)?;
    Some(Op::Conv(ConvSpec {
        window,
        flat: taps.flat,
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
