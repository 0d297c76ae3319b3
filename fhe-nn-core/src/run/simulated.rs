//! Simulated runs: encrypted accuracy on thousands of inputs, without a key.

use fhe_nn_proof::client::Scores;
use fhe_nn_proof::plan::Plan;
use ndarray::ArrayView2;

use super::{batches, check_serves};
use crate::backend::interpret;
use crate::simulated::Simulated;
use crate::{Error, Model};

impl Model {
    /// Runs many inputs as they would run encrypted under a plan, but without keys: the noise is drawn from
    /// the plan's predictions, on all cores. Runs with the same seed give the same results.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; there is one result for each row.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] if the plan was made for another network or other weights, [`Error::Plan`]
    /// if its parameters are out of range, [`Error::Model`] if an accumulator is wider than can be read
    /// encrypted, and [`Error::Input`].
    pub fn simulate(
        &self,
        plan: &Plan,
        inputs: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<Vec<Scores>, Error> {
        let graph = self.graph();
        plan.validate()?;
        check_serves(plan, &graph, "plan")?;
        let client = graph.client_spec();
        batches(inputs, |stream, rows| {
            let mut backend = Simulated::new(plan, seed, stream as u64);
            let values = backend.encrypt(&client.encode_batch(rows)?, graph.input_stage);
            let Ok(scores) = interpret(&graph, &mut backend, values);
            Ok(client.scores_of_rows(&backend.decrypt(&scores)))
        })
    }
}
