//! Tensors over the samples, in the float network and in the integer network.

use fhe_nn_proof::client::Line;
use fhe_nn_proof::encoder::{Encoder, own_of};
use fhe_nn_proof::widths::{Range, sum_width};
use ndarray::{Array2, Axis};

use super::float::Float;
use super::run::undeclarable;
use super::scales::Scales;
use super::{Calibration, Fidelity};
use crate::Error;

/// The values of a tensor over the samples, `[samples, values]`.
pub(crate) struct Signal {
    /// The values in the float network.
    pub(crate) real: Array2<f64>,
    /// The values in the integer network.
    pub(crate) integers: Array2<i64>,
    /// The meaning of the integers.
    pub(crate) meaning: Encoder,
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
    /// The input of a network, and what was taken off its normalized values; nothing if that is empty.
    ///
    /// # Errors
    /// [`Error::Model`] for negative values where they are not allowed, and for wrong floats of the input.
    pub(crate) fn input(
        float: &Float<'_>,
        mut real: Array2<f64>,
        scales: &Scales,
        calibration: &Calibration,
    ) -> Result<(Self, Vec<f64>), Error> {
        let (meaning, shifts) = float.encoder(&real, scales, calibration)?;
        if scales.is_centred(0) && real.iter().any(|&x| x < 0.0) {
            return Err(undeclarable(
                "input",
                "what is multiplied, concatenated or padded has no negative inputs",
            ));
        }
        let (levels, values) = (Range::unsigned(float.spec.input.bits), real.ncols());
        for (index, mut column) in real.axis_iter_mut(Axis(1)).enumerate() {
            if let Some(shift) = own_of(&shifts, index, values) {
                column -= *shift;
            }
        }
        let integers = real.indexed_iter();
        let integers =
            integers.map(|((_, index), &x)| meaning.affine(index, values).quantize(x, levels));
        let input = Signal {
            integers: Array2::from_shape_vec(real.dim(), integers.collect())
                .expect("an integer for each value"),
            real,
            meaning,
            levels,
        };
        Ok((input, shifts))
    }

    /// The values as sums that tables can read.
    pub(crate) fn as_sums(&self, channels: usize, phases: u32) -> Preactivation {
        Preactivation {
            real: self.real.clone(),
            accumulators: self.integers.clone(),
            lines: vec![self.meaning.affines[0].line(); channels],
            widths: vec![sum_width(self.levels, phases); channels],
        }
    }

    pub(crate) fn fidelity(&self) -> Fidelity {
        let values = self.integers.ncols();
        let integers = self.integers.indexed_iter();
        let reals = integers.map(|((_, index), &q)| self.meaning.affine(index, values).real(q));
        let reals = Array2::from_shape_vec(self.integers.dim(), reals.collect())
            .expect("a real for each integer");
        Fidelity::of(&self.real, &reals)
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
