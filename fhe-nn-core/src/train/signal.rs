//! Tensors on their way through a module.

use candle_core::{DType, Result as Computed, Tensor};
use fhe_nn_proof::client::{Affine, Line};

/// A tensor on its way through a module.
pub(super) enum Signal {
    Values(Values),
    Sums(Sums),
}

/// Integers, `[inputs, values]`, and their meaning. In floating point they are reals, with a scale of 1.
#[derive(Clone)]
pub(super) struct Values {
    pub(super) integers: Tensor,
    /// The scale as a tensor of one element, with a gradient.
    pub(super) scale: Tensor,
    pub(super) meaning: Affine,
}

/// Accumulators, `[inputs, neurons]`.
pub(super) struct Sums {
    /// The accumulators, rounded if 32-bit floats cannot hold them.
    pub(super) integers: Tensor,
    /// The exact accumulators; empty in floating point.
    pub(super) accumulators: Vec<i64>,
    /// The reals that the accumulators stand for, with gradients to scales and biases.
    pub(super) reals: Tensor,
    pub(super) lines: Vec<Line>,
    pub(super) widths: Vec<u32>,
    pub(super) positions: usize,
}

/// The meaning of reals that are not scaled.
pub(super) const UNIT: Affine = Affine {
    scale: 1.0,
    zero_point: 0,
};

/// The reals that values stand for.
pub(super) fn real(values: &Values) -> Computed<Tensor> {
    (&values.integers - values.meaning.zero_point as f64)?.broadcast_mul(&values.scale)
}

/// Reshapes `[channels]` so that it broadcasts over inputs and positions.
pub(super) fn column(channels: &Tensor) -> Computed<Tensor> {
    channels.reshape((1, channels.elem_count(), 1))
}

/// Applies a function to sums reshaped to `[inputs, channels, positions]`.
pub(super) fn per_channel(
    sums: &Tensor,
    positions: usize,
    each: impl Fn(&Tensor) -> Computed<Tensor>,
) -> Computed<Tensor> {
    let (inputs, neurons) = sums.dims2()?;
    let channels = sums.reshape((inputs, neurons / positions, positions))?;
    each(&channels)?.reshape((inputs, neurons))
}

/// Converts whole numbers in floating point to integers.
pub(super) fn whole(integers: &Tensor) -> Computed<Vec<i64>> {
    let all = integers.flatten_all()?;
    Ok(match all.dtype() {
        DType::F64 => all.to_vec1::<f64>()?.iter().map(|&x| x as i64).collect(),
        _ => all.to_vec1::<f32>()?.iter().map(|&x| x as i64).collect(),
    })
}
