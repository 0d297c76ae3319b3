//! The samples that scales are found from.

use fhe_nn_proof::client::InputError;
use fhe_nn_proof::spec::Spec;
use ndarray::{Array1, Array2, ArrayView2};

use crate::Error;

/// The samples in reals, `[samples, values]`, in the order of the network. Tokens are as the client encodes them.
///
/// # Errors
/// [`Error::NoSamples`], [`Error::Input`] and [`Error::SampleNotFinite`].
pub(crate) fn reals(spec: &Spec, samples: ArrayView2<'_, f32>) -> Result<Array2<f64>, Error> {
    if samples.nrows() == 0 {
        return Err(Error::NoSamples {
            network: spec.name.to_string(),
        });
    }
    if samples.ncols() != spec.input_len() {
        return Err(InputError::Length {
            network: spec.name.to_string(),
            expected: spec.input_len(),
            actual: samples.ncols(),
        }
        .into());
    }
    let mut values = samples.indexed_iter();
    if let Some(((sample, index), &value)) = values.find(|(_, x)| !x.is_finite()) {
        return Err(Error::SampleNotFinite {
            sample,
            index,
            value,
        });
    }
    let Some(encoder) = spec.input.tokens else {
        let at = |(row, value)| f64::from(samples[[row, spec.interface.place(value)]]);
        return Ok(Array2::from_shape_fn(samples.dim(), at));
    };
    let mut all = Array2::zeros((samples.nrows(), spec.input.tensor().len()));
    for (tokens, mut row) in samples.rows().into_iter().zip(all.rows_mut()) {
        let tokens: Vec<f32> = tokens.to_vec();
        let integers = encoder.encode(&tokens)?;
        row.assign(&Array1::from_iter(integers.into_iter().map(|q| q as f64)));
    }
    Ok(all)
}
