//! The pass of samples through the float network.

use ndarray::Array2;

use super::float::Float;
use super::run::check_finite;
use crate::Error;
use crate::layer::compute;

impl Float<'_> {
    /// Computes the results of all layers, `[samples, values]`, for samples of the input in reals.
    ///
    /// # Errors
    /// Those of [`Float::layer`].
    pub(crate) fn run(&self, input: Array2<f64>) -> Result<Vec<Array2<f64>>, Error> {
        let mut tensors = vec![input];
        for index in 0..self.spec.layers.len() {
            let sources = self.spec.sources(index);
            let operands: Vec<&Array2<f64>> = sources.iter().map(|&s| &tensors[s]).collect();
            let result = self.layer(index, &operands)?;
            tensors.push(result);
        }
        Ok(tensors)
    }

    /// Computes the result of one layer, with the quantizer that the model itself has for it. The phases of an antiperiodic activation are those of its
    /// function over one period.
    ///
    /// # Errors
    /// [`ModelError::TensorMissing`](crate::error::ModelError::TensorMissing) and
    /// [`ModelError::TensorShape`](crate::error::ModelError::TensorShape) for the floats, [`Error::RealNotFinite`].
    pub(crate) fn layer(
        &self,
        index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        let layer = &self.spec.layers[index];
        let mut result = compute(&layer.op).float(self, index, operands)?;
        if let Some(quantizer) = self.quantizer(index + 1)? {
            result.mapv_inplace(|x| quantizer.value(x));
        }
        check_finite(&layer.name, &result)?;
        Ok(result)
    }
}
