//! Pools: averages and greatest values of windows.

use std::marker::PhantomData;
use std::sync::Arc;

use fhe_nn_proof::encoder::Encoder;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::graph::Rows;
use fhe_nn_proof::spec::{Pool, PoolSpec, Window};
use ndarray::{Array2, LinalgScalar, Zip};

use super::{Axis, Compute, Layer, Part, Windows, of_sources, sealed::Sealed};
use crate::Error;
use crate::quantize::float::Float;
use crate::quantize::run::Run;
use crate::quantize::tensor::Tensor;
use crate::sums::add_up;
#[cfg(feature = "train")]
use crate::train::{Failure, forward::Forward, signal::Signal};

/// The average of every window of each channel, whose windows `W` are an [`Axis`] or two of them, each with its
/// stride written. Padding counts as 0.
///
/// In integers, it is the sum of the window; the next table divides. [`AvgPool2d`] and [`AvgPool1d`] are this type
/// with windows that are the same along all axes and at both ends.
///
/// # Shapes
/// With two axes `[C, H, W]` to `[C, H', W']`, with one `[C, L]` to `[C, L']`; [`Axis`] has the formula.
#[derive(Debug, Clone, PartialEq)]
pub struct AvgPool<W>(Arc<[Encoder]>, PhantomData<W>);

/// The average of every window of `K x K` values, `STRIDE` apart, of each channel. Padding counts as 0.
///
/// # Shapes
/// `[C, H, W]` to `[C, H', W']` with `H' = floor((H + 2 PADDING - K) / STRIDE) + 1`.
pub type AvgPool2d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0> =
    AvgPool<(Axis<K, STRIDE, PADDING>, Axis<K, STRIDE, PADDING>)>;

/// The average of every window of `K` values, `STRIDE` apart, of each channel; see [`AvgPool2d`].
///
/// # Shapes
/// `[C, L]` to `[C, L']` with `L' = floor((L + 2 PADDING - K) / STRIDE) + 1`.
pub type AvgPool1d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0> =
    AvgPool<Axis<K, STRIDE, PADDING>>;

/// The greatest value of every window of each channel, whose windows `W` are an [`Axis`] or two of them, each with
/// its stride written. Padding does not count.
///
/// Each result of `T` taps takes `T - 1` bootstraps, fewer at padding, in `ceil(log2(T))` rounds. Their
/// tables read differences of two values, which have one bit more than the values. [`MaxPool2d`] and [`MaxPool1d`]
/// are this type with windows that are the same along all axes and at both ends.
///
/// # Shapes
/// With two axes `[C, H, W]` to `[C, H', W']`, with one `[C, L]` to `[C, L']`; [`Axis`] has the formula.
#[derive(Debug, Clone, PartialEq)]
pub struct MaxPool<W>(Arc<[Encoder]>, PhantomData<W>);

/// The greatest value of every window of `K x K` values, `STRIDE` apart, of each channel. Padding does not
/// count.
///
/// Each result takes `K x K - 1` bootstraps, fewer at padding; see [`MaxPool`].
///
/// # Shapes
/// `[C, H, W]` to `[C, H', W']` with `H' = floor((H + 2 PADDING - K) / STRIDE) + 1`.
pub type MaxPool2d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0> =
    MaxPool<(Axis<K, STRIDE, PADDING>, Axis<K, STRIDE, PADDING>)>;

/// The greatest value of every window of `K` values, `STRIDE` apart, of each channel; see
/// [`MaxPool2d`].
///
/// # Shapes
/// `[C, L]` to `[C, L']` with `L' = floor((L + 2 PADDING - K) / STRIDE) + 1`.
pub type MaxPool1d<const K: usize, const STRIDE: usize = K, const PADDING: usize = 0> =
    MaxPool<Axis<K, STRIDE, PADDING>>;

/// The average of each channel; see [`AvgPool2d`].
///
/// # Shapes
/// `[C, H, W]` to `[C, 1, 1]`, `[C, L]` to `[C, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalAvgPool(Arc<[Encoder]>);

/// The greatest value of each channel; see [`MaxPool2d`].
///
/// # Shapes
/// `[C, H, W]` to `[C, 1, 1]`, `[C, L]` to `[C, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalMaxPool(Arc<[Encoder]>);

of_sources!(
    [<W: Windows>] AvgPool<W>, PhantomData;
    [<W: Windows>] MaxPool<W>, PhantomData;
    [] GlobalAvgPool;
    [] GlobalMaxPool;
);

impl Compute for PoolSpec {
    fn float(
        &self,
        _float: &Float<'_>,
        _index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        Ok(match self.kind {
            Pool::Max => greatest(&self.window, operands[0]),
            Pool::Average => {
                let windows = Rows::windows(&self.window);
                add_up(&windows, operands, |weight| weight as f64) / self.window.taps() as f64
            }
        })
    }

    fn quantize(&self, run: &mut Run<'_>, index: usize) -> Result<(Part, Tensor), Error> {
        run.combined(index, |operands| match self.kind {
            Pool::Max => greatest(&self.window, operands[0]),
            Pool::Average => add_up(&Rows::windows(&self.window), operands, |weight| weight),
        })
    }

    #[cfg(feature = "train")]
    fn train(
        &self,
        forward: &mut Forward<'_>,
        index: usize,
        tensors: &[Signal],
    ) -> Result<Signal, Failure> {
        let input = forward.operand(index, tensors)?;
        let windows = forward.module.windows[index].as_ref();
        let windows = windows.ok_or(ModelError::PartMissing)?;
        let padding = match self.kind {
            Pool::Max => f64::from(f32::MIN),
            Pool::Average => 0.0,
        };
        let (seen, taps) = (
            windows.seen(&input.integers, padding)?,
            candle_core::D::Minus1,
        );
        let (integers, scale) = match (self.kind, forward.is_float()) {
            (Pool::Max, _) => (seen.max(taps)?, input.scale.clone()),
            (Pool::Average, true) => (seen.mean(taps)?, input.scale.clone()),
            (Pool::Average, false) => {
                let scale = (&input.scale / self.window.taps() as f64)?;
                (seen.sum(taps)?, scale)
            }
        };
        forward.combined(index, &[input], integers, scale)
    }
}

/// The greatest value of every window of tensors, `[samples, values]`.
fn greatest<T>(window: &Window, values: &Array2<T>) -> Array2<T>
where
    T: LinalgScalar + PartialOrd + Send + Sync,
{
    let taps =
        (0..window.taps()).map(|tap| add_up(&Rows::tap(window, tap), &[values], |_| T::one()));
    let greater = |a: Array2<T>, b: Array2<T>| {
        Zip::from(&a)
            .and(&b)
            .map_collect(|&a, &b| if a < b { b } else { a })
    };
    taps.reduce(greater).unwrap_or_else(|| values.clone())
}
