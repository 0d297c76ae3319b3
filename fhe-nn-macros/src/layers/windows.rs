//! The windows of convolutions and pools, as they were written.

use fhe_nn_proof::spec::Window;
use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Spanned;

/// What windows move over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axes {
    /// `[channels, length]`.
    One,
    /// `[channels, height, width]`.
    Two,
    /// Either; one window sees all of it.
    All,
}

/// The geometry of windows, the same along all axes.
#[derive(Clone, Copy)]
pub(crate) struct Taps {
    /// Number of taps along an axis.
    pub(crate) kernel: Spanned<usize>,
    /// Distance between windows.
    pub(crate) stride: Spanned<usize>,
    /// Number of values added on either side.
    pub(crate) padding: Spanned<usize>,
    /// Distance between taps.
    pub(crate) dilation: usize,
}

/// The windows as an expression.
pub(super) fn window_tokens(window: &Window) -> TokenStream {
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
