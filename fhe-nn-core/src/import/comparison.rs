//! An import held against the framework that its model came from.

use fhe_nn_proof::client::greatest;
use ndarray::{Array2, ArrayView1, Zip};
use serde::Serialize;

use super::{Imported, Reference};
use crate::{Calibration, Error};

/// How far an imported network is from what its framework computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Number of rows that were compared.
    pub rows: usize,
    /// The greatest difference of a float score from the framework's output y, relative to `max(1, |y|)`.
    pub float_error: f64,
    /// The squared error of the integer network's scores, calibrated on the rows themselves at the widths of the
    /// declaration, relative to the squares of the framework's outputs.
    pub integer_error: f64,
    /// Number of rows in which the integer network and the framework have the same greatest score.
    pub agree: usize,
}

impl Imported {
    /// Compares the network with what the framework of the model computes: the floats, and the integers that the
    /// declaration makes of them.
    ///
    /// # Errors
    /// [`Error::Rows`] if the outputs are not as many as the network's, and those of
    /// [`quantize`](Self::quantize).
    pub fn compare(&self, reference: &Reference) -> Result<Comparison, Error> {
        let inputs = reference.inputs();
        let outputs = reference.outputs();
        let floats = self.float_scores(inputs.view())?;
        let floats = self.finished(floats.rows().into_iter().map(|row| row.to_vec()));
        if floats.dim() != outputs.dim() {
            return Err(Error::Rows {
                reason: format!(
                    "outputs have {} values, but the network has {}",
                    outputs.ncols(),
                    floats.ncols()
                ),
            });
        }
        let network = self
            .quantize(inputs.view(), &Calibration::default())?
            .network;
        let scores = network.run_batch(inputs.view())?;
        let integers = self.finished(scores.iter().map(|scores| scores.reals().to_vec()));
        let pairs = integers.rows().into_iter().zip(outputs.rows());
        let argmax = |row: &ArrayView1<'_, f64>| greatest(row.iter().copied());
        let same = pairs.filter(|(own, other)| argmax(own) == argmax(other));
        Ok(Comparison {
            rows: outputs.nrows(),
            float_error: largest_difference(&floats, outputs),
            integer_error: relative_squares(&integers, outputs),
            agree: same.count(),
        })
    }

    /// What the model computes of the outputs of its network, with what was left to the client.
    fn finished(&self, outputs: impl Iterator<Item = Vec<f64>>) -> Array2<f64> {
        let rows: Vec<Vec<f64>> = outputs.map(|row| self.tail.of(row)).collect();
        let shape = (rows.len(), rows.first().map_or(0, Vec::len));
        Array2::from_shape_vec(shape, rows.concat()).expect("every row has as many values")
    }
}

/// The greatest of `|x - y| / max(1, |y|)`.
fn largest_difference(values: &Array2<f64>, reference: &Array2<f64>) -> f64 {
    Zip::from(values)
        .and(reference)
        .fold(0.0, |greatest, x, y| {
            let own = (x - y).abs() / y.abs().max(1.0);
            // a NaN is greater than everything, once it is there
            if greatest.is_nan() || own <= greatest {
                greatest
            } else {
                own
            }
        })
}

/// The sum of `(x - y)^2` divided by that of `y^2`; without the division if all y are 0.
fn relative_squares(values: &Array2<f64>, reference: &Array2<f64>) -> f64 {
    let squares: f64 = reference.iter().map(|y| y * y).sum();
    let pairs = values.iter().zip(reference);
    let errors: f64 = pairs.map(|(x, y)| (x - y) * (x - y)).sum();
    if squares == 0.0 {
        errors
    } else {
        errors / squares
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn errors_are_relative_to_the_reference() {
        let (values, reference) = (array![[1.5, 10.0]], array![[1.0, -8.0]]);
        assert_eq!(largest_difference(&values, &reference), 18.0 / 8.0);
        assert_eq!(
            relative_squares(&values, &reference),
            (0.25 + 324.0) / (1.0 + 64.0)
        );
        let zeros = array![[0.0, 0.0]];
        assert_eq!(relative_squares(&values, &zeros), 2.25 + 100.0);
    }

    #[test]
    fn a_score_that_is_no_number_is_an_error() {
        let (values, reference) = (array![[f64::NAN, 1.0]], array![[1.0, 1.0]]);
        assert!(largest_difference(&values, &reference).is_nan());
        assert!(relative_squares(&values, &reference).is_nan());
    }
}
