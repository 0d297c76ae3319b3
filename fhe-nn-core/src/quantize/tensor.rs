//! Tensors over the samples, in the float network and in the integer network.

use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::spec::Spec;
use fhe_nn_proof::widths::{Range, sum_width};
use ndarray::{Array2, Axis};

use super::run::undeclarable;
use super::scales::Scales;
use super::{Calibration, Clipping, Fidelity};
use crate::Error;

/// The values of a tensor over the samples, `[samples, values]`.
pub(crate) struct Signal {
    /// The values in the float network.
    pub(crate) real: Array2<f64>,
    /// The values in the integer network.
    pub(crate) integers: Array2<i64>,
    /// The meaning of the integers.
    pub(crate) meaning: Affine,
    /// The range of the integers.
    pub(crate) levels: Range,
}

/// Sums over the samples, `[samples, neurons]`, that a table reads.
pub(crate) struct Preactivation {
    /// The sums in the float network, with the bias.
    pub(crate) real: Array2<f64>,
    /// The accumulators in the integer network, with their constants.
    pub(crate) accumulators: Array2<i64>,
    /// The meaning of each channel's accumulators, with the constant.
    pub(crate) lines: Vec<Line>,
    /// Width of each channel's accumulators.
    pub(crate) widths: Vec<u32>,
}

/// A tensor over the samples.
pub(crate) enum Tensor {
    /// Accumulators, which only tables read.
    Accumulators(Preactivation),
    /// Values, which all other layers read. Tables read sums of values, too.
    Values(Signal),
}

impl Signal {
    /// The input of a network.
    ///
    /// # Errors
    /// [`Error::Model`] for negative values where they are not allowed.
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

    /// The values as sums that tables can read.
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
    /// The reals that sums stand for.
    pub(crate) fn stand_ins(&self, positions: usize) -> Array2<f64> {
        let mut scores = self.accumulators.mapv(|acc| acc as f64);
        let channels = scores.axis_chunks_iter_mut(Axis(1), positions);
        for (mut of_channel, line) in channels.zip(&self.lines) {
            of_channel.mapv_inplace(|acc| line.slope * acc + line.offset);
        }
        scores
    }
}
