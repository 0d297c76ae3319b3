//! The float network, with which the quantized ones are compared.

use fhe_nn_core::error::ModelError;
use fhe_nn_core::{Error, Floats};
use fhe_nn_examples::networks::greatest;
use ndarray::{Array2, ArrayView, Dimension};

/// The digit with the greatest score for each of the images, `[images, 784]`.
pub(crate) fn predict(floats: &Floats, images: &Array2<f32>) -> Result<Vec<usize>, Error> {
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    let hidden1 = linear(floats, "fc1", images)?.mapv(sigmoid);
    let hidden2 = linear(floats, "fc2", &hidden1)?.mapv(sigmoid);
    let scores = linear(floats, "fc3", &hidden2)?;
    Ok(scores.rows().into_iter().map(greatest).collect())
}

fn linear(floats: &Floats, layer: &str, inputs: &Array2<f32>) -> Result<Array2<f32>, Error> {
    let weights = tensor::<ndarray::Ix2>(floats, format!("{layer}.weight"))?;
    let bias = tensor::<ndarray::Ix1>(floats, format!("{layer}.bias"))?;
    Ok(inputs.dot(&weights.t()) + bias)
}

fn tensor<D: Dimension>(floats: &Floats, name: String) -> Result<ArrayView<'_, f32, D>, Error> {
    floats
        .get(&name)
        .and_then(|tensor| tensor.view().into_dimensionality().ok())
        .ok_or_else(|| ModelError::TensorMissing { tensor: name }.into())
}
