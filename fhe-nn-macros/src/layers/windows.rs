//! The windows of convolutions and pools, as they were written.

use fhe_nn_proof::spec::{Padding, Window};
use proc_macro2::TokenStream;
use quote::quote;

use super::size::{Size, Unwritten, needed, optional};
use crate::errors::{Place, Spanned};

/// How the windows of a layer are written, and what they move over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axes {
    /// With numbers, over `[channels, length]`.
    One,
    /// With numbers, over `[channels, height, width]`.
    Two,
    /// Axis by axis, over as many as there are.
    Each,
    /// Not at all: over either, and one window sees all of it.
    All,
}

/// The sizes of an axis, in the order in which they are written.
pub(crate) const AXIS: &[Size] = &[
    needed("kernel"),
    optional("stride", 1, Unwritten::Number(1)),
    optional("padding", 0, Unwritten::Number(0)),
    optional("dilation", 1, Unwritten::Number(1)),
    optional("far padding", 0, Unwritten::As(2)),
];

/// The geometry of windows.
#[derive(Clone, Copy)]
pub(crate) struct Taps {
    /// Down and across.
    pub(crate) axes: [AxisTaps; 2],
    /// Whether they move over `[channels, length]`; the axis down then has one tap.
    pub(crate) flat: bool,
    /// Whether the same numbers are meant for all axes and for both ends.
    pub(crate) square: bool,
}

/// The geometry of windows along an axis.
#[derive(Clone, Copy)]
pub(crate) struct AxisTaps {
    /// Number of taps.
    pub(crate) kernel: Spanned<usize>,
    /// Distance between windows.
    pub(crate) stride: Spanned<usize>,
    /// Number of positions before the first value.
    pub(crate) near: Spanned<usize>,
    /// Distance between taps.
    pub(crate) dilation: usize,
    /// Number of positions behind the last value.
    pub(crate) far: Spanned<usize>,
}

impl AxisTaps {
    /// The one tap of an axis that is not there.
    pub(crate) fn none(place: Place) -> Self {
        let number = |value| Spanned { value, place };
        AxisTaps {
            kernel: number(1),
            stride: number(1),
            near: number(0),
            dilation: 1,
            far: number(0),
        }
    }
}

impl Taps {
    /// Windows that are the same along all axes.
    pub(super) fn square(axis: AxisTaps, flat: bool) -> Self {
        let down = if flat {
            AxisTaps::none(axis.kernel.place)
        } else {
            axis
        };
        Taps {
            axes: [down, axis],
            flat,
            square: true,
        }
    }

    /// Number of taps, down and across.
    pub(crate) fn kernel(&self) -> [usize; 2] {
        self.axes.map(|axis| axis.kernel.value)
    }

    /// The windows over an input, of a layer with these channels, outputs and groups.
    pub(crate) fn window(
        &self,
        input: [usize; 2],
        (channels, outputs, groups): (usize, usize, usize),
    ) -> Window {
        Window {
            channels,
            outputs,
            input,
            kernel: self.kernel(),
            stride: self.axes.map(|axis| axis.stride.value),
            padding: self.axes.map(|axis| Padding {
                near: axis.near.value,
                far: axis.far.value,
            }),
            dilation: self.axes.map(|axis| axis.dilation),
            groups,
        }
    }
}

/// The windows as an expression.
pub(super) fn window_tokens(window: &Window) -> TokenStream {
    let Window {
        channels,
        outputs,
        input: [down, across],
        kernel: [kernel_down, kernel_across],
        stride: [stride_down, stride_across],
        padding,
        dilation: [dilation_down, dilation_across],
        groups,
    } = window;
    let [padding_down, padding_across] = padding.map(
        |Padding { near, far }| quote!(::fhe_nn_core::spec::Padding { near: #near, far: #far }),
    );
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
