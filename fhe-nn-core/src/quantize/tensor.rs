//! Tensors over the samples: what they are in the float network and in the integer one.

use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::spec::Spec;
use fhe_nn_proof::widths::{Range, sum_width};
use ndarray::{Array2, Axis};

use super::run::undeclarable;
use super::scales::Scales;
use super::{Calibration, Clipping, Fidelity};
use crate::Error;

/// Values of a tensor over the samples, `[samples, values]`.
pub(crate) struct Signal {
    /// In the float network.
    pub(crate) real: Array2<f64>,
    /// In the integer network.
    pub(crate) integers: Array2<i64>,
    /// What the integers mean.
    pub(crate) meaning: Affine,
    /// What the integers can be.
    pub(crate) levels: Range,
}

/// Sums over the samples, `[samples, neurons]`, that a table reads.
pub(crate) struct Preactivation {
    /// In the float network, with the bias.
    pub(crate) real: Array2<f64>,
    /// In the integer network, with the phase.
    pub(crate) accumulators: Array2<i64>,
    /// What those of each channel mean, without the phase.
    pub(crate) lines: Vec<Line>,
    /// Width of those of each channel.
    pub(crate) widths: Vec<u32>,
}

/// A tensor over the samples.
pub(crate) enum Tensor {
    /// Read by tables only.
    Accumulators(Preactivation),
    /// Read by all else, sums of values by tables, too.
    Values(Signal),
}

impl Signal {
    /// The input of a network.
    ///
    /// # Errors
    /// [`Error::Model`] for negative values where there must be none.
    pub(crate) fn input(
        spec: &Spec,
        real: Array2<f64>,
        scales: &Scales,
        calibration: &Calibration,
    ) -> Result<Self, Error> {
        let levels = Range::unsigned(spec.input.bits);
        let method = match spec.input.bits {
            1 => calibration.with_clipping(Clipping::MinMax),
            _ => *calibration,
        };
        let meaning = match spec.input.tokens {
            Some(_) => Affine {
                scale: 1.0,
                zero_point: 0,
            },
            None => scales.of(0, &real, levels, &method),
        };
        if scales.is_centred(0) && real.iter().any(|&x| x < 0.0) {
            return Err(undeclarable(
                "input",
                "what is multiplied, concatenated or padded has no negative inputs",
            ));
        }
        Ok(Signal {
            integers: real.mapv(|x| meaning.quantize(x, levels)),
            real,
            meaning,
            levels,
        })
    }

    /// The same, to be read by tables.
    pub(crate) fn as_sums(&self, channels: usize, phases: u32) -> Preactivation {
        Preactivation {
            real: self.real.clone(),
            accumulators: self.integers.clone(),
            lines: vec![self.meaning.line(); channels],
            widths: vec![sum_width(self.levels, phases); channels],
        }
    }

    pub(crate) fn fidelity(&self) -> Fidelity {
        Fidelity::of(&self.real, &self.integers.mapv(|q| self.meaning.real(q)))
    }
}

impl Preactivation {
    /// What sums stand for in reals.
    pub(crate) fn stand_ins(&self, positions: usize) -> Array2<f64> {
        let mut scores = self.accumulators.mapv(|acc| acc as f64);
        let channels = scores.axis_chunks_iter_mut(Axis(1), positions);
        for (mut of_channel, line) in channels.zip(&self.lines) {
            of_channel.mapv_inplace(|acc| line.slope * acc + line.offset);
        }
        scores
    }
}
