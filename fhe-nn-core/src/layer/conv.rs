//! Convolutions, which apply a dense layer to a window at every position.

use std::sync::Arc;

use fhe_nn_proof::error::ModelError;

use super::{Layer, Linear, Part, sealed::Sealed};

/// A convolution from `IN` to `OUT` channels. Windows of `K x K` taps are `STRIDE` apart, and the taps
/// of a window are `DILATION` apart. Padding has the value 0. Channels are split into `GROUPS` groups,
/// which are convolved separately.
///
/// # Shapes
/// `[IN, H, W]` to `[OUT, H', W']` with
/// `H' = floor((H + 2 PADDING - DILATION (K - 1) - 1) / STRIDE) + 1`; weights
/// `[OUT, IN / GROUPS, K, K]` as in PyTorch.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2d<
    const IN: usize,
    const OUT: usize,
    const K: usize,
    const STRIDE: usize = 1,
    const PADDING: usize = 0,
    const DILATION: usize = 1,
    const GROUPS: usize = 1,
>(Arc<Linear>);

/// A convolution along one axis; see [`Conv2d`].
///
/// # Shapes
/// `[IN, L]` to `[OUT, L']` with `L' = floor((L + 2 PADDING - DILATION (K - 1) - 1) / STRIDE) + 1`; weights
/// `[OUT, IN / GROUPS, K]` as in PyTorch.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv1d<
    const IN: usize,
    const OUT: usize,
    const K: usize,
    const STRIDE: usize = 1,
    const PADDING: usize = 0,
    const DILATION: usize = 1,
    const GROUPS: usize = 1,
>(Arc<Linear>);

macro_rules! convolution {
    ($layer:ident, $area:expr) => {
        impl<
            const IN: usize,
            const OUT: usize,
            const K: usize,
            const STRIDE: usize,
            const PADDING: usize,
            const DILATION: usize,
            const GROUPS: usize,
        > $layer<IN, OUT, K, STRIDE, PADDING, DILATION, GROUPS>
        {
            /// The integers of the layer. Weights have the shape `[OUT, taps]`, everything else has
            /// `[OUT]`.
            pub fn linear(&self) -> &Linear {
                &self.0
            }
        }

        impl<
            const IN: usize,
            const OUT: usize,
            const K: usize,
            const STRIDE: usize,
            const PADDING: usize,
            const DILATION: usize,
            const GROUPS: usize,
        > Sealed for $layer<IN, OUT, K, STRIDE, PADDING, DILATION, GROUPS>
        {
        }

        impl<
            const IN: usize,
            const OUT: usize,
            const K: usize,
            const STRIDE: usize,
            const PADDING: usize,
            const DILATION: usize,
            const GROUPS: usize,
        > Layer for $layer<IN, OUT, K, STRIDE, PADDING, DILATION, GROUPS>
        {
            fn from_part(part: Part) -> Result<Self, ModelError> {
                let taps = IN / GROUPS.max(1) * $area(K);
                match part {
                    Part::Linear(linear) if linear.weights.dim() == (OUT, taps) => Ok(Self(linear)),
                    _ => Err(ModelError::PartMissing),
                }
            }

            fn part(&self) -> Part {
                Part::Linear(self.0.clone())
            }
        }
    };
}
convolution!(Conv2d, |k: usize| k * k);
convolution!(Conv1d, |k: usize| k);
