//! Tensors on their way through a module.

use candle_core::{DType, Result as Computed, Tensor};
use fhe_nn_proof::client::{Affine, Line};

/// A tensor on its way.
pub(crate) enum Signal {
    Values(Values),
    Sums(Sums),
}

/// Integers, `[inputs, values]`, and what they mean; in floating point reals of scale 1.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) integers: Tensor,
    /// Of one element, with a gradient.
    pub(crate) scale: Tensor,
    pub(crate) meaning: Affine,
}

/// Accumulators, `[inputs, neurons]`.
pub(crate) struct Sums {
    /// Rounded where 32-bit floats do not hold them.
    pub(crate) integers: Tensor,
    /// The same, exactly; none in floating point.
    pub(crate) accumulators: Vec<i64>,
    /// The reals that they stand for, with a gradient to scales and biases.
    pub(crate) reals: Tensor,
    pub(crate) lines: Vec<Line>,
    pub(crate) widths: Vec<u32>,
    pub(crate) positions: usize,
}

/// No scaling.
pub(crate) const UNIT: Affine = Affine {
    scale: 1.0,
    zero_point: 0,
};

/// What values stand for.
pub(crate) fn real(values: &Values) -> Computed<Tensor> {
    (&values.integers - values.meaning.zero_point as f64)?.broadcast_mul(&values.scale)
}

/// `[channels]` beside the positions of each channel.
pub(crate) fn column(channels: &Tensor) -> Computed<Tensor> {
    channels.reshape((1, channels.elem_count(), 1))
}

/// Something done to `[inputs, channels, positions]`.
pub(crate) fn per_channel(
    sums: &Tensor,
    positions: usize,
    each: impl Fn(&Tensor) -> Computed<Tensor>,
) -> Computed<Tensor> {
    let (inputs, neurons) = sums.dims2()?;
    let channels = sums.reshape((inputs, neurons / positions, positions))?;
    each(&channels)?.reshape((inputs, neurons))
}

/// The integers that floats are.
pub(crate) fn whole(integers: &Tensor) -> Computed<Vec<i64>> {
    let all = integers.flatten_all()?;
    Ok(match all.dtype() {
        DType::F64 => all.to_vec1::<f64>()?.iter().map(|&x| x as i64).collect(),
        _ => all.to_vec1::<f32>()?.iter().map(|&x| x as i64).collect(),
    })
}
