//! Scales that come with the floats and are kept, as in a model that was trained with quantization.
//!
//! `fc1.weight_scale`, of shape `[channels]` or `[1]`, is the scale of weights. `relu.scale` and
//! `relu.zero_point`, of shape `[1]`, are those of the results of a table; `input.scale` and
//! `input.zero_point` are those of the input. Weights that are integers times their scale become these
//! integers.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::widths::Range;

use super::float::Float;

impl Float<'_> {
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
        let name = match tensor.checked_sub(1) {
            None => "input",
            Some(index) => &self.spec.layers[index].name,
        };
        let Some(scales) = self.scales(&format!("{name}.scale"), 1)? else {
            return Ok(None);
        };
        let zero = format!("{name}.zero_point");
        let zero_point = self.floats.shaped(&zero, ndarray::Ix1(1))?;
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
    fn scales(&self, name: &str, count: usize) -> Result<Option<Vec<f64>>, ModelError> {
        let Some(scales) = self.floats.get(name) else {
            return Ok(None);
        };
        let scales: Vec<f64> = scales.iter().map(|&scale| f64::from(scale)).collect();
        let positive = |&scale: &f64| scale.is_normal() && scale > 0.0;
        if let Some(index) = scales.iter().position(|scale| !positive(scale)) {
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
