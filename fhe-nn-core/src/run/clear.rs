//! Runs in the clear: their results are the definition that every other run is held to.

use fhe_nn_proof::client::Scores;
use ndarray::ArrayView2;

use super::batches;
use crate::backend::interpret;
use crate::clear::{self, Clear};
use crate::{Error, Model};

impl Model {
    /// Runs one input in the clear, with exact integers.
    ///
    /// # Shapes
    /// `input`: the real values of one input in row-major order.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn run(&self, input: &[f32]) -> Result<Scores, Error> {
        let batch = ArrayView2::from_shape((1, input.len()), input)
            .expect("one row of the slice's own length");
        Ok(self.run_batch(batch)?.swap_remove(0))
    }

    /// Runs many inputs in the clear, with exact integers, on all cores.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; there is one result for each row.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn run_batch(&self, inputs: ArrayView2<'_, f32>) -> Result<Vec<Scores>, Error> {
        let graph = self.graph();
        let client = graph.client_spec();
        batches(inputs, |_, rows| {
            let values = client.encode_batch(rows)?;
            let Ok(sums) = interpret(&graph, &mut Clear, values);
            Ok(client.scores_of_rows(&clear::scores(&graph.scores, sums)))
        })
    }
}
