//! Windows in the type of a layer.

use super::sealed::Sealed;

/// One axis of a window: `K` taps that are `DILATION` apart, in windows that are `STRIDE` apart, over values with
/// `PADDING` positions before the first and `FAR` behind the last.
///
/// An axis has the sizes of [`Conv2d`](super::Conv2d) in the same order, and `FAR` after them. A window along one
/// axis is an `Axis<..>`, and a window along two is `(Axis<..>, Axis<..>)`, down and across.
///
/// ```
/// use fhe_nn_core::prelude::*;
///
/// /// Reads a spectrogram of 16 bands and 60 moments.
/// #[fhe_network(input(shape = [1, 16, 60], bits = 4))]
/// struct Sounds {
///     // 3 bands and 9 moments, every second moment
///     #[bits(weights = 3)]
///     conv: Conv<1, 4, (Axis<3>, Axis<9, 2>)>,
///     #[bits(output = 4, table = 6)]
///     relu: Relu,
///     // the last of 26 moments is in a window of its own
///     max: MaxPool<(Axis<2, 2>, Axis<5, 5, 0, 1, 4>)>,
///     #[bits(weights = 3)]
///     scores: Dense<168, 3>,
/// }
///
/// assert_eq!(Sounds::SPEC.output_len(), 3);
/// ```
///
/// # Shapes
/// `L` values to `floor((L + PADDING + FAR - DILATION (K - 1) - 1) / STRIDE) + 1` windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis<
    const K: usize,
    const STRIDE: usize = 1,
    const PADDING: usize = 0,
    const DILATION: usize = 1,
    const FAR: usize = PADDING,
>;

/// The windows of a layer: an [`Axis`], or two of them.
pub trait Windows: Sealed {
    /// Number of taps of a window.
    const TAPS: usize;
}

impl<
    const K: usize,
    const STRIDE: usize,
    const PADDING: usize,
    const DILATION: usize,
    const FAR: usize,
> Windows for Axis<K, STRIDE, PADDING, DILATION, FAR>
{
    const TAPS: usize = K;
}

impl<
    const K: usize,
    const STRIDE: usize,
    const PADDING: usize,
    const DILATION: usize,
    const FAR: usize,
> Sealed for Axis<K, STRIDE, PADDING, DILATION, FAR>
{
}

impl<Down: Windows, Across: Windows> Windows for (Down, Across) {
    const TAPS: usize = Down::TAPS * Across::TAPS;
}

impl<Down: Windows, Across: Windows> Sealed for (Down, Across) {}
