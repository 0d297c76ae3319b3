//! The encoder of the input: how its values are normalized, and the scale and zero point of all of them, of those of a
//! channel, or of each.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::encoder::{Encoder, Norm, Ties, own_of};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::Spec;
use fhe_nn_proof::widths::Range;
use ndarray::{Array2, ArrayView1, Axis};

use super::float::Float;
use super::{Calibration, Clipping, Scales};

impl Float<'_> {
    /// The normalization of the input that comes with the floats: `input.mean` and `input.std`, each with one number,
    /// one for each channel, or one for each value.
    ///
    /// # Errors
    /// [`ModelError::TensorMissing`], [`ModelError::TensorShape`] and [`ModelError::TensorValue`].
    pub(crate) fn norms(&self) -> Result<Vec<Norm>, ModelError> {
        let [mean, std] = ["input.mean", "input.std"].map(|name| (name, self.floats.get(name)));
        let (means, stds) = match (mean.1, std.1) {
            (None, None) => return Ok(Vec::new()),
            (Some(means), Some(stds)) => (means, stds),
            (means, _) => {
                let missing = if means.is_none() { mean.0 } else { std.0 };
                return Err(ModelError::TensorMissing {
                    tensor: missing.to_owned(),
                });
            }
        };
        let (count, values) = (means.len(), self.spec.input_len());
        let channels = self.spec.input.shape.first().copied().unwrap_or(1);
        if ![1, channels, values].contains(&count) || stds.len() != count {
            let (name, tensor) = if stds.len() == count {
                (mean.0, means)
            } else {
                (std.0, stds)
            };
            return Err(ModelError::TensorShape {
                tensor: name.to_owned(),
                expected: vec![if stds.len() == count { values } else { count }],
                actual: tensor.shape().to_vec(),
            });
        }
        let pairs = means.iter().zip(stds).enumerate();
        let norm = |(index, (&mean, &std)): (usize, (&f32, &f32))| {
            let norm = Norm {
                mean: mean.into(),
                std: std.into(),
            };
            if norm.is_usable() {
                return Ok(norm);
            }
            Err(ModelError::TensorValue {
                tensor: "input.std".to_owned(),
                index,
                value: norm.std,
                needs: "must be positive",
            })
        };
        pairs.map(norm).collect()
    }

    /// Normalizes samples, `[samples, values]`.
    ///
    /// # Errors
    /// Those of [`Float::norms`].
    pub(crate) fn normalized(&self, mut samples: Array2<f64>) -> Result<Array2<f64>, ModelError> {
        let (norms, values) = (self.norms()?, samples.ncols());
        if norms.is_empty() {
            return Ok(samples);
        }
        for (index, mut column) in samples.axis_iter_mut(Axis(1)).enumerate() {
            if let Some(norm) = own_of(&norms, index, values) {
                column.mapv_inplace(|x| norm.of(x));
            }
        }
        Ok(samples)
    }

    /// The encoder of the input, whose normalized values over the samples are `real`. What it takes off each value beyond
    /// its normalization comes second; nothing if that is empty.
    ///
    /// # Errors
    /// Those of [`Float::norms`] and of the scales that come with the floats.
    pub(crate) fn encoder(
        &self,
        real: &Array2<f64>,
        scales: &Scales,
        calibration: &Calibration,
    ) -> Result<(Encoder, Vec<f64>), ModelError> {
        let levels = Range::unsigned(self.spec.input.bits);
        let method = method(self.spec, calibration);
        let (affines, shifts) = match self.spec.input.tokens {
            Some(_) => return Ok((Encoder::TOKENS, Vec::new())),
            None if self.spec.input.scales.is_one() => {
                (vec![scales.of(0, real, levels, &method)], Vec::new())
            }
            None => self.several(real, &method)?,
        };
        let encoder = Encoder {
            ties: Ties::ToEven,
            affines: affines.into(),
            norms: shifted(&self.norms()?, &shifts).into(),
        };
        Ok((encoder, shifts))
    }

    /// The scales and zero points of an input that has several, which are given or found from its values, and what is
    /// taken off the values before.
    ///
    /// # Errors
    /// Those of the scales that come with the floats.
    pub(crate) fn several(
        &self,
        real: &Array2<f64>,
        method: &Calibration,
    ) -> Result<(Vec<Affine>, Vec<f64>), ModelError> {
        let count = self.spec.input.scale_count();
        let levels = Range::unsigned(self.spec.input.bits);
        if let Some(given) = self.given_affines(count, levels)? {
            return Ok((given, Vec::new()));
        }
        // what is padded with 0 has a level for it
        let pads = pads_input(self.spec);
        let values = real.axis_chunks_iter(Axis(1), real.ncols() / count);
        let found = values.map(|own| {
            let own: Vec<f64> = own.iter().copied().collect();
            match pads {
                true => (method.tensor(own.iter(), levels), 0.0),
                false => method.anywhere(&own, levels),
            }
        });
        let (affines, shifts): (Vec<Affine>, Vec<f64>) = found.unzip();
        match shifts.iter().all(|&shift| shift == 0.0) {
            true => Ok((affines, Vec::new())),
            false => Ok((affines, shifts)),
        }
    }

    /// The scales and zero points that come with the floats: `input.scale` and `input.zero_point`, `count` of each.
    pub(super) fn given_affines(
        &self,
        count: usize,
        levels: Range,
    ) -> Result<Option<Vec<Affine>>, ModelError> {
        let Some(scales) = self.scales("input.scale", count)? else {
            return Ok(None);
        };
        let name = "input.zero_point";
        let zeros = self.floats.get(name).map(|zeros| {
            let zeros: Vec<f64> = zeros.iter().map(|&zero| f64::from(zero)).collect();
            zeros
        });
        let zeros = match zeros {
            None => vec![0.0; count],
            Some(zeros) if zeros.len() == count => zeros,
            Some(zeros) => {
                return Err(ModelError::TensorShape {
                    tensor: name.to_owned(),
                    expected: vec![count],
                    actual: vec![zeros.len()],
                });
            }
        };
        let wrong = zeros
            .iter()
            .position(|zero| zero.fract() != 0.0 || !levels.contains(*zero as i64));
        if let Some(index) = wrong {
            return Err(ModelError::TensorValue {
                tensor: name.to_owned(),
                index,
                value: zeros[index],
                needs: "must be one of the integers",
            });
        }
        let pairs = scales.into_iter().zip(zeros);
        let affine = |(scale, zero)| Affine {
            scale,
            zero_point: zero as i64,
        };
        Ok(Some(pairs.map(affine).collect()))
    }
}

/// The calibration of an input: one of 1 bit takes the extremes.
pub(crate) fn method(spec: &Spec, calibration: &Calibration) -> Calibration {
    match spec.input.bits {
        1 => calibration.with_clipping(Clipping::MinMax),
        _ => *calibration,
    }
}

/// The normalization that takes `shifts` off the normalized values as well.
pub(crate) fn shifted(norms: &[Norm], shifts: &[f64]) -> Vec<Norm> {
    if shifts.is_empty() {
        return norms.to_vec();
    }
    let count = norms.len().max(shifts.len());
    let norm = |index: usize| {
        let norm = own_of(norms, index, count).copied();
        let norm = norm.unwrap_or(Norm {
            mean: 0.0,
            std: 1.0,
        });
        let shift = own_of(shifts, index, count).expect("there are shifts");
        Norm {
            mean: norm.inverse(*shift),
            ..norm
        }
    };
    (0..count).map(norm).collect()
}

/// What values of `taps` inputs lose to `shifts`, which layers with these weights add to their sums.
pub(crate) fn lost(weights: ArrayView1<'_, f64>, shifts: &[f64]) -> f64 {
    let taps = weights.len();
    let weights = weights.iter().enumerate();
    weights
        .map(|(tap, w)| w * own_of(shifts, tap, taps).expect("there are shifts"))
        .sum()
}

/// Whether a layer pads the input, so that 0 must be one of its values.
fn pads_input(spec: &Spec) -> bool {
    spec.readers(0).any(|index| {
        let linear = spec.layers[index].op.linear();
        linear.is_some_and(|linear| linear.window.is_some_and(|window| window.pads()))
    })
}
