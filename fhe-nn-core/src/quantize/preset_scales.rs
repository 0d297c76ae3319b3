//! Scales that come with the floats and are kept, as in a model that was trained with quantization.
//!
//! `fc1.weight_scale`, of shape `[channels]` or `[1]`, is the scale of weights. `relu.scale` and
//! `relu.zero_point`, of shape `[1]`, are those of the results of a table; `input.scale` and
//! `input.zero_point` are those of the input. Weights that are integers times their scale become these
//! integers.
//!
//! `relu.clamp` and `input.clamp`, of shape `[2]`, are the least and the greatest value that a quantizer of
//! the model lets through. A quantizer is a part of the model's function (onnxruntime, for one, drops a ReLU
//! that the range of the next quantizer repeats), so the float network has it as well: it cuts values to the
//! clamp, or without one to the declared levels of a kept scale, and rounds them to the kept scale, half to even
//! as such quantizers do. `relu.step` is the scale of a quantizer whose rounding only the float network has,
//! because the integers need another: one that several tensors share, or one with 0 at 0.

use fhe_nn_proof::client::{Affine, is_scale};
use fhe_nn_proof::encoder::own_of;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{LinearSpec, Op};
use fhe_nn_proof::widths::{Range, max_weight};
use ndarray::{Array2, Ix1};

use super::Calibration;
use super::float::Float;
use crate::Error;

/// The interval of reals to which the values of a tensor are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clamp {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

/// A quantizer that the model itself has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantizer {
    pub(crate) clamp: Clamp,
    /// The multiples that values are rounded to.
    step: Option<f64>,
}

impl Clamp {
    pub(crate) fn value(self, x: f64) -> f64 {
        x.max(self.lo).min(self.hi)
    }

    /// What both clamps let through.
    #[cfg(feature = "train")]
    pub(crate) fn within(self, other: Clamp) -> Clamp {
        Clamp {
            lo: other.value(self.lo),
            hi: other.value(self.hi),
        }
    }
}

impl Quantizer {
    /// The value that the float network goes on with.
    pub(crate) fn value(self, x: f64) -> f64 {
        let cut = self.clamp.value(x);
        match self.step {
            Some(step) => (cut / step).round_ties_even() * step,
            None => cut,
        }
    }
}

impl Float<'_> {
    /// The samples of the input as the float network takes them.
    pub(crate) fn quantized_input(&self, samples: Array2<f64>) -> Result<Array2<f64>, ModelError> {
        Ok(match self.quantizer(0)? {
            Some(quantizer) => samples.mapv(|x| quantizer.value(x)),
            None => samples,
        })
    }

    /// The model's own quantizer of the input or of an activation's results.
    ///
    /// # Errors
    /// Those of [`Float::preset`] and of [`Float::clamp`].
    pub(crate) fn quantizer(&self, tensor: usize) -> Result<Option<Quantizer>, ModelError> {
        let levels = match tensor
            .checked_sub(1)
            .map(|index| &self.spec.layers[index].op)
        {
            None if self.spec.input.tokens.is_none() && self.spec.input.scales.is_one() => {
                self.spec.input.tensor().range
            }
            Some(Op::Activation(act)) if !act.function.is_antiperiodic() => {
                act.function.range(act.output)
            }
            _ => return Ok(None),
        };
        let name = self.name_of(tensor);
        let step = match self.scales(&format!("{name}.scale"), 1)? {
            Some(scales) => Some(scales),
            None => self.scales(&format!("{name}.step"), 1)?,
        };
        let clamp = match self.clamp(tensor)? {
            Some(clamp) => Some(clamp),
            None => self.preset(tensor, levels)?.map(|meaning| Clamp {
                lo: meaning.real(levels.lo),
                hi: meaning.real(levels.hi),
            }),
        };
        Ok(clamp.map(|clamp| Quantizer {
            clamp,
            step: step.map(|step| step[0]),
        }))
    }

    /// The interval to which values of a tensor are cut, if it is given.
    ///
    /// # Errors
    /// [`ModelError::TensorShape`], and [`ModelError::TensorValue`] for an interval that does not include 0.
    pub(crate) fn clamp(&self, tensor: usize) -> Result<Option<Clamp>, ModelError> {
        let name = format!("{}.clamp", self.name_of(tensor));
        let Some(ends) = self.floats.shaped(&name, Ix1(2))? else {
            return Ok(None);
        };
        let clamp = Clamp {
            lo: f64::from(ends[0]),
            hi: f64::from(ends[1]),
        };
        let wrong = [clamp.lo > 0.0, clamp.hi < 0.0 || clamp.lo == clamp.hi];
        match wrong.iter().position(|&wrong| wrong) {
            Some(index) => Err(ModelError::TensorValue {
                tensor: name,
                index,
                value: f64::from(ends[index]),
                needs: "0 must lie between a least and a greater value",
            }),
            None => Ok(Some(clamp)),
        }
    }

    /// The meaning of a tensor's integers for these levels, if it is given and kept.
    ///
    /// # Errors
    /// Those of [`Float::preset`], and [`Error::KeptScale`] if the levels are too few for the scale and nothing
    /// else is asked for.
    pub(crate) fn kept(
        &self,
        tensor: usize,
        levels: Range,
        calibration: &Calibration,
    ) -> Result<Option<Affine>, Error> {
        let name = self.name_of(tensor);
        if tensor == 0 && !self.spec.input.scales.is_one() {
            return Ok(None);
        }
        let scales = self.scales(&format!("{name}.scale"), 1)?;
        if let (Some(scales), Some(clamp)) = (scales, self.clamp(tensor)?) {
            let steps = ((clamp.hi - clamp.lo) / scales[0]).round_ties_even() as u64;
            let declared = (levels.hi - levels.lo) as u64;
            if steps > declared {
                return if calibration.requantizes() {
                    Ok(None)
                } else {
                    Err(Error::KeptScale {
                        tensor: format!("{name}.scale"),
                        key: if tensor == 0 { "bits" } else { "output" },
                        field: name.to_owned(),
                        declared: bits(declared),
                        needs: bits(steps),
                    })
                };
            }
        }
        Ok(self.preset(tensor, levels)?)
    }

    /// The scale of each channel's weights in layer `index`, if it is given and kept.
    ///
    /// # Errors
    /// Those of [`Float::weight_scales`] and [`Float::linear`], and [`Error::KeptScale`] if the width has too few
    /// integers for the weights and nothing else is asked for.
    pub(crate) fn kept_weight_scales(
        &self,
        index: usize,
        linear: &LinearSpec,
        calibration: &Calibration,
    ) -> Result<Option<Vec<f64>>, Error> {
        let layer = &*self.spec.layers[index].name;
        let Some(scales) = self.weight_scales(layer, linear.channels)? else {
            return Ok(None);
        };
        let (mut weights, _) = self.linear(layer, linear)?;
        if self.reads_several(index) {
            // the scales are those of weights times the scales of inputs
            let levels = Range::unsigned(self.spec.input.bits);
            let Some(inputs) = self.given_affines(self.spec.input.scale_count(), levels)? else {
                return Ok(None);
            };
            let taps = weights.ncols();
            for (tap, mut column) in weights.columns_mut().into_iter().enumerate() {
                let input = own_of(&inputs, tap, taps).expect("every input has a scale");
                column *= input.scale;
            }
        }
        let rows = weights.rows().into_iter().zip(&scales);
        let greatest = rows.map(|(row, scale)| {
            let greatest = row.iter().fold(0.0, |most: f64, w| most.max(w.abs()));
            (greatest / scale).round_ties_even()
        });
        let greatest = greatest.fold(0.0, f64::max);
        if greatest <= max_weight(linear.weights) as f64 {
            return Ok(Some(scales));
        }
        if calibration.requantizes() {
            return Ok(None);
        }
        Err(Error::KeptScale {
            tensor: format!("{layer}.weight_scale"),
            field: layer.to_owned(),
            key: "weights",
            declared: linear.weights,
            needs: 1 + bits(greatest as u64), // one for the sign
        })
    }

    /// Whether layer `index` reads inputs that have several scales.
    fn reads_several(&self, index: usize) -> bool {
        self.spec.sources(index)[0] == 0 && !self.spec.input.scales.is_one()
    }

    /// The name of the field that makes a tensor.
    fn name_of(&self, tensor: usize) -> &str {
        match tensor.checked_sub(1) {
            None => "input",
            Some(index) => &self.spec.layers[index].name,
        }
    }

    /// The scale of each channel's weights in a layer, if it is given.
    ///
    /// # Errors
    /// [`ModelError::TensorShape`], and [`ModelError::TensorValue`] for scales that are not positive.
    pub(crate) fn weight_scales(
        &self,
        layer: &str,
        channels: usize,
    ) -> Result<Option<Vec<f64>>, ModelError> {
        self.scales(&format!("{layer}.weight_scale"), channels)
    }

    /// The meaning of a tensor's integers, if it is given.
    ///
    /// # Errors
    /// [`ModelError::TensorShape`], and [`ModelError::TensorValue`] for a scale that is not positive or a zero point
    /// that is not one of the integers.
    pub(crate) fn preset(
        &self,
        tensor: usize,
        levels: Range,
    ) -> Result<Option<Affine>, ModelError> {
        if tensor == 0 && !self.spec.input.scales.is_one() {
            // several scales are given in another form
            return Ok(None);
        }
        let name = self.name_of(tensor);
        let Some(scales) = self.scales(&format!("{name}.scale"), 1)? else {
            return Ok(None);
        };
        let zero = format!("{name}.zero_point");
        let zero_point = self.floats.shaped(&zero, Ix1(1))?;
        let zero_point = zero_point.map_or(0.0, |zero_point| f64::from(zero_point[0]));
        if zero_point.fract() != 0.0 || !levels.contains(zero_point as i64) {
            return Err(ModelError::TensorValue {
                tensor: zero,
                index: 0,
                value: zero_point,
                needs: "must be one of the integers",
            });
        }
        Ok(Some(Affine {
            scale: scales[0],
            zero_point: zero_point as i64,
        }))
    }

    /// Positive numbers, `count` of them or one for all.
    pub(super) fn scales(&self, name: &str, count: usize) -> Result<Option<Vec<f64>>, ModelError> {
        let Some(scales) = self.floats.get(name) else {
            return Ok(None);
        };
        let scales: Vec<f64> = scales.iter().map(|&scale| f64::from(scale)).collect();
        if let Some(index) = scales.iter().position(|&scale| !is_scale(scale)) {
            return Err(ModelError::TensorValue {
                tensor: name.to_owned(),
                index,
                value: scales[index],
                needs: "must be positive",
            });
        }
        match scales.as_slice() {
            [one] => Ok(Some(vec![*one; count])),
            all if all.len() == count => Ok(Some(scales)),
            all => Err(ModelError::TensorShape {
                tensor: name.to_owned(),
                expected: vec![count],
                actual: vec![all.len()],
            }),
        }
    }
}

/// The width of levels from 0 to this.
fn bits(steps: u64) -> u32 {
    u64::BITS - steps.leading_zeros()
}
