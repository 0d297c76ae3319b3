//! Tensors in a pass through a module.

use candle_core::{DType, Result as Computed, Tensor};
use fhe_nn_proof::client::{Affine, Line};

/// A tensor in a pass through a module.
pub(crate) enum Signal {
    Values(Values),
    Sums(Sums),
}

/// Integers, `[inputs, values]`, and their meaning. In floating point they are reals, with a scale of 1.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) integers: Tensor,
    /// The scale as a tensor of one element, with a gradient.
    pub(crate) scale: Tensor,
    pub(crate) meaning: Affine,
}

/// Accumulators, `[inputs, neurons]`.
pub(crate) struct Sums {
    /// The accumulators, rounded if 32-bit floats cannot hold them.
    pub(crate) integers: Tensor,
    /// The exact accumulators; empty in floating point.
    pub(crate) accumulators: Vec<i64>,
    /// The reals that the accumulators stand for, with gradients to scales and biases.
    pub(crate) reals: Tensor,
    pub(crate) lines: Vec<Line>,
    pub(crate) widths: Vec<u32>,
    pub(crate) positions: usize,
}

/// The meaning of reals that are not scaled.
pub(crate) const UNIT: Affine = Affine {
    scale: 1.0,
    zero_point: 0,
};

/// The reals that values stand for.
pub(crate) fn real(values: &Values) -> Computed<Tensor> {
    (&values.integers - values.meaning.zero_point as f64)?.broadcast_mul(&values.scale)
}

/// Reshapes `[channels]` so that it broadcasts over inputs and positions.
pub(crate) fn column(channels: &Tensor) -> Computed<Tensor> {
    channels.reshape((1, channels.elem_count(), 1))
}

/// Applies a function to sums reshaped to `[inputs, channels, positions]`.
pub(crate) fn per_channel(
    sums: &Tensor,
    positions: usize,
    each: impl Fn(&Tensor) -> Computed<Tensor>,
) -> Computed<Tensor> {
    let (inputs, neurons) = sums.dims2()?;
    let channels = sums.reshape((inputs, neurons / positions, positions))?;
    each(&channels)?.reshape((inputs, neurons))
}

/// Converts whole numbers in floating point to integers.
pub(crate) fn whole(integers: &Tensor) -> Computed<Vec<i64>> {
    let all = integers.flatten_all()?;
    Ok(match all.dtype() {
        DType::F64 => all.to_vec1::<f64>()?.iter().map(|&x| x as i64).collect(),
        _ => all.to_vec1::<f32>()?.iter().map(|&x| x as i64).collect(),
    })
}
