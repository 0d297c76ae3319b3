//! Convolutions, which apply a dense layer to a window at every position.

use std::marker::PhantomData;
use std::sync::Arc;

use fhe_nn_proof::error::ModelError;

use super::{Axis, Layer, Linear, Part, Windows, sealed::Sealed};

/// A convolution from `IN` to `OUT` channels, whose windows `W` are an [`Axis`] or two of them. Padding has the
/// value 0. Channels are split into `GROUPS` groups, which are convolved separately.
///
/// [`Conv2d`] and [`Conv1d`] are this type with windows that are the same along all axes and at both ends.
///
/// # Shapes
/// With `W = (Axis<KH, ..>, Axis<KW, ..>)`, `[IN, H, W]` to `[OUT, H', W']`, and weights
/// `[OUT, IN / GROUPS, KH, KW]`. With `W = Axis<K, ..>`, `[IN, L]` to `[OUT, L']`, and weights
/// `[OUT, IN / GROUPS, K]`. [`Axis`] has the formula of `H'`, `W'` and `L'`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv<const IN: usize, const OUT: usize, W, const GROUPS: usize = 1> {
    linear: Arc<Linear>,
    windows: PhantomData<W>,
}

/// A convolution from `IN` to `OUT` channels. Windows of `K x K` taps are `STRIDE` apart, and the taps
/// of a window are `DILATION` apart. Padding has the value 0. Channels are split into `GROUPS` groups,
/// which are convolved separately. [`Conv`] has other windows.
///
/// # Shapes
/// `[IN, H, W]` to `[OUT, H', W']` with
/// `H' = floor((H + 2 PADDING - DILATION (K - 1) - 1) / STRIDE) + 1`; weights
/// `[OUT, IN / GROUPS, K, K]` as in PyTorch.
pub type Conv2d<
    const IN: usize,
    const OUT: usize,
    const K: usize,
    const STRIDE: usize = 1,
    const PADDING: usize = 0,
    const DILATION: usize = 1,
    const GROUPS: usize = 1,
> = Conv<
    IN,
    OUT,
    (
        Axis<K, STRIDE, PADDING, DILATION>,
        Axis<K, STRIDE, PADDING, DILATION>,
    ),
    GROUPS,
>;

/// A convolution along one axis; see [`Conv2d`].
///
/// # Shapes
/// `[IN, L]` to `[OUT, L']` with `L' = floor((L + 2 PADDING - DILATION (K - 1) - 1) / STRIDE) + 1`; weights
/// `[OUT, IN / GROUPS, K]` as in PyTorch.
pub type Conv1d<
    const IN: usize,
    const OUT: usize,
    const K: usize,
    const STRIDE: usize = 1,
    const PADDING: usize = 0,
    const DILATION: usize = 1,
    const GROUPS: usize = 1,
> = Conv<IN, OUT, Axis<K, STRIDE, PADDING, DILATION>, GROUPS>;

impl<const IN: usize, const OUT: usize, W, const GROUPS: usize> Conv<IN, OUT, W, GROUPS> {
    /// The integers of the layer. Weights have the shape `[OUT, taps]`, everything else has
    /// `[OUT]`.
    pub fn linear(&self) -> &Linear {
        &self.linear
    }
}

impl<const IN: usize, const OUT: usize, W: Windows, const GROUPS: usize> Sealed
    for Conv<IN, OUT, W, GROUPS>
{
}

impl<const IN: usize, const OUT: usize, W: Windows, const GROUPS: usize> Layer
    for Conv<IN, OUT, W, GROUPS>
{
    fn from_part(part: Part) -> Result<Self, ModelError> {
        let taps = IN / GROUPS.max(1) * W::TAPS;
        match part {
            Part::Linear(linear) if linear.weights.dim() == (OUT, taps) => Ok(Conv {
                linear,
                windows: PhantomData,
            }),
            _ => Err(ModelError::PartMissing),
        }
    }

    fn part(&self) -> Part {
        Part::Linear(self.linear.clone())
    }
}
