//! Tensor operations that compute integers, but have the gradients of reals.

use candle_core::{D, Device, Result, Tensor};
use fhe_nn_proof::encoder::own_of;
use fhe_nn_proof::spec::Window;

/// The nearest integers, ties to even as everywhere. (candle's `round` takes ties away from zero.)
pub(super) fn rounded(exact: &Tensor) -> Result<Tensor> {
    let values = exact.flatten_all()?.to_vec1::<f32>()?;
    let integers = values.into_iter().map(f32::round_ties_even);
    Tensor::from_vec(
        integers.collect::<Vec<f32>>(),
        exact.shape(),
        exact.device(),
    )
}

/// The rounded tensor, whose gradient passes to the exact one as if nothing had been rounded (Bengio, Leonard,
/// Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons", section 4).
pub(super) fn straight_through(exact: &Tensor, rounded: &Tensor) -> Result<Tensor> {
    // the term added is 0, so the rounded values stay the same to the last bit
    rounded.detach() + (exact - exact.detach())?
}

/// Known values with their slopes along a variable: `value + slope (variable - its value)`.
pub(super) fn linearized(value: Tensor, slope: &Tensor, variable: &Tensor) -> Result<Tensor> {
    value + slope.broadcast_mul(&(variable - variable.detach())?)?
}

/// The positions that the windows of a layer read, so that sums under them are products of matrices.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    window: Window,
    /// For each group, the index of the value under every tap at every position. The indices after the last value
    /// stand for padding, one for each channel.
    groups: Vec<Tensor>,
}

impl Windows {
    pub(super) fn new(window: Window, device: &Device) -> Result<Self> {
        let channels = window.outputs / window.groups;
        let own = window.channels / window.groups;
        let area = window.kernel[0] * window.kernel[1];
        let places = |group: usize| {
            let positions = (0..window.positions()).flat_map(|position| {
                (0..window.taps()).map(move |tap| (group * channels, position, tap))
            });
            let places = positions.map(|(channel, position, tap)| {
                let padding = window.input_len() + group * own + tap / area;
                window.source(channel, position, tap).unwrap_or(padding) as u32
            });
            Tensor::from_vec(
                places.collect::<Vec<u32>>(),
                window.positions() * window.taps(),
                device,
            )
        };
        Ok(Windows {
            groups: (0..window.groups).map(places).collect::<Result<_>>()?,
            window,
        })
    }

    /// The sums, `[inputs, channels x positions]`, of values, `[inputs, values]`, times weights, `[channels, taps]`.
    /// Padding has one value for all channels, or one for each.
    pub(super) fn sums(
        &self,
        values: &Tensor,
        weights: &Tensor,
        padding: &[i64],
    ) -> Result<Tensor> {
        let inputs = values.dim(0)?;
        let (positions, taps) = (self.window.positions(), self.window.taps());
        let channels = self.window.outputs / self.window.groups;
        let padding: Vec<f32> = padding.iter().map(|&q| q as f32).collect();
        let values = self.padded(values, &padding)?;
        let groups = self.groups.iter().enumerate().map(|(group, places)| {
            let seen = values.index_select(places, 1)?;
            let own = weights.narrow(0, group * channels, channels)?;
            let sums = seen
                .reshape((inputs * positions, taps))?
                .matmul(&own.t()?)?;
            sums.reshape((inputs, positions, channels))?.transpose(1, 2)
        });
        let groups = groups.collect::<Result<Vec<_>>>()?;
        Tensor::cat(&groups, 1)?.reshape((inputs, channels * groups.len() * positions))
    }

    /// The values under each window of a pool, `[inputs, results, taps]`. Each channel is a group.
    pub(crate) fn seen(&self, values: &Tensor, padding: f64) -> Result<Tensor> {
        let inputs = values.dim(0)?;
        let values = self.padded(values, &[padding as f32])?;
        let places = Tensor::cat(&self.groups, 0)?;
        let seen = values.index_select(&places, 1)?;
        seen.reshape((inputs, self.window.output_len(), self.window.taps()))
    }

    fn padded(&self, values: &Tensor, padding: &[f32]) -> Result<Tensor> {
        if !self.window.pads() {
            return Ok(values.clone());
        }
        let channels = self.window.channels;
        let padding = (0..channels).filter_map(|channel| own_of(padding, channel, channels));
        let padding = Tensor::from_vec(
            padding.copied().collect::<Vec<f32>>(),
            (1, channels),
            values.device(),
        )?;
        let padding = padding.to_dtype(values.dtype())?;
        let columns = padding.broadcast_as((values.dim(0)?, channels))?;
        Tensor::cat(&[values, &columns.contiguous()?], D::Minus1)
    }
}
