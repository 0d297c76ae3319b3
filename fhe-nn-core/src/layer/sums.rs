//! Layers without weights or tables of their own: they add up, compare or multiply what comes in.

use std::sync::Arc;

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;

use super::{Layer, Part, sealed::Sealed};

/// The average of every window of `K x K` values, `STRIDE` apart, of each channel: a sum; the division
/// lives in the next table. Padding counts as 0.
///
/// # Shapes
/// `[C, H, W]` to `[C, H', W']` with `H' = floor((H + 2 PADDING - K) / STRIDE) + 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct AvgPool2d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0>(
    Arc<[Affine]>,
);

/// The average of every window of `K` values, `STRIDE` apart, of each channel; see [`AvgPool2d`].
///
/// # Shapes
/// `[C, L]` to `[C, L']` with `L' = floor((L + 2 PADDING - K) / STRIDE) + 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct AvgPool1d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0>(
    Arc<[Affine]>,
);

/// The greatest value of every window of `K x K` values, `STRIDE` apart, of each channel. For each
/// result one bootstrap less than its window has values, `K x K - 1` away from padding, of tables that read a
/// bit more than these have; one after the other are `ceil(log2(K x K))`. Padding does not count.
///
/// # Shapes
/// `[C, H, W]` to `[C, H', W']` with `H' = floor((H + 2 PADDING - K) / STRIDE) + 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct MaxPool2d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0>(
    Arc<[Affine]>,
);

/// The greatest value of every window of `K` values, `STRIDE` apart, of each channel; see
/// [`MaxPool2d`].
///
/// # Shapes
/// `[C, L]` to `[C, L']` with `L' = floor((L + 2 PADDING - K) / STRIDE) + 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct MaxPool1d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0>(
    Arc<[Affine]>,
);

/// The average of each channel; see [`AvgPool2d`].
///
/// # Shapes
/// `[C, H, W]` to `[C, 1, 1]`, `[C, L]` to `[C, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalAvgPool(Arc<[Affine]>);

/// The greatest value of each channel; see [`MaxPool2d`].
///
/// # Shapes
/// `[C, H, W]` to `[C, 1, 1]`, `[C, L]` to `[C, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalMaxPool(Arc<[Affine]>);

/// The values in a row. Sums stay sums, which an activation may read.
///
/// # Shapes
/// `[..]` to `[product of the extents]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Flatten(Arc<[Affine]>);

/// The sum of two tensors and more, value by value: `#[from(a, b)] sum: Add`. The quantizer gives them one
/// scale.
///
/// # Shapes
/// Twice or more often the same, and the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Add(Arc<[Affine]>);

/// Tensors one behind the other, along their first extent: `#[from(a, b)] both: Concat`. The quantizer
/// gives them one scale. Sums alone stay sums, which an activation may read.
///
/// # Shapes
/// `[A, ..]` and `[B, ..]` to `[A + B, ..]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Concat(Arc<[Affine]>);

/// The product of two tensors, value by value: `#[from(a, b)] product: Mul`. Exactly
/// `floor((a + b)^2 / 4) - floor((a - b)^2 / 4)` in integers: two bootstraps for each result.
///
/// # Shapes
/// Twice the same, and the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Mul(Arc<[Affine]>);

macro_rules! sums {
    ($([$($generics:tt)*] $layer:ty;)*) => {$(
        impl $($generics)* Sealed for $layer {}
        impl $($generics)* Layer for $layer {
            fn from_part(part: Part) -> Result<Self, ModelError> {
                match part {
                    Part::Sources(sources) => Ok(Self(sources)),
                    _ => Err(ModelError::PartMissing),
                }
            }
            fn part(&self) -> Part {
                Part::Sources(self.0.clone())
            }
        }
    )*};
}
sums!(
    [<const K: usize, const S: usize, const P: usize>] AvgPool2d<K, S, P>;
    [<const K: usize, const S: usize, const P: usize>] AvgPool1d<K, S, P>;
    [<const K: usize, const S: usize, const P: usize>] MaxPool2d<K, S, P>;
    [<const K: usize, const S: usize, const P: usize>] MaxPool1d<K, S, P>;
    [] GlobalAvgPool;
    [] GlobalMaxPool;
    [] Flatten;
    [] Add;
    [] Concat;
    [] Mul;
);
