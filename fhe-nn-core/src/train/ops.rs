//! Tensor operations whose results are integers, and whose gradients are those of reals.

use candle_core::{D, Device, Result, Tensor};
use fhe_nn_proof::spec::Window;

/// The rounded tensor, whose gradient passes to the exact one as if nothing had been rounded (Bengio,
/// Leonard, Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons", section 4).
pub(super) fn straight_through(exact: &Tensor, rounded: &Tensor) -> Result<Tensor> {
    // what is added to the rounded values is 0, so they stay what they are to the last bit
    rounded.detach() + (exact - exact.detach())?
}

/// Values that are known, with the slopes of what they depend on: `value + slope (variable - its value)`.
pub(super) fn linearized(value: Tensor, slope: &Tensor, variable: &Tensor) -> Result<Tensor> {
    value + slope.broadcast_mul(&(variable - variable.detach())?)?
}

/// Where windows look: the sums of integers under them, as products of matrices.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    window: Window,
    /// For each group, the place of every tap at every position; that behind the last is padding.
    groups: Vec<Tensor>,
}

impl Windows {
    pub(super) fn new(window: Window, device: &Device) -> Result<Self> {
        let channels = window.outputs / window.groups;
        let padding = window.input_len();
        let places = |group: usize| {
            let positions = (0..window.positions()).flat_map(|position| {
                (0..window.taps()).map(move |tap| (group * channels, position, tap))
            });
            let places = positions.map(|(channel, position, tap)| {
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

    /// Sums, `[inputs, channels x positions]`, of values, `[inputs, values]`, by weights `[channels, taps]`.
    pub(super) fn sums(&self, values: &Tensor, weights: &Tensor, padding: f64) -> Result<Tensor> {
        let inputs = values.dim(0)?;
        let (positions, taps) = (self.window.positions(), self.window.taps());
        let channels = self.window.outputs / self.window.groups;
        let values = self.padded(values, padding)?;
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

    /// The values under each window of one channel, `[inputs, results, taps]`, of a pool: a group a channel.
    pub(crate) fn seen(&self, values: &Tensor, padding: f64) -> Result<Tensor> {
        let inputs = values.dim(0)?;
        let values = self.padded(values, padding)?;
        let places = Tensor::cat(&self.groups, 0)?;
        let seen = values.index_select(&places, 1)?;
        seen.reshape((inputs, self.window.output_len(), self.window.taps()))
    }

    fn padded(&self, values: &Tensor, padding: f64) -> Result<Tensor> {
        if !self.window.pads() {
            return Ok(values.clone());
        }
        let column = Tensor::full(padding as f32, (values.dim(0)?, 1), values.device())?;
        Tensor::cat(&[values, &column.to_dtype(values.dtype())?], D::Minus1)
    }
}
