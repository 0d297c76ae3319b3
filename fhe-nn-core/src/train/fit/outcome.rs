//! The outcome of a training: the quantized network and its accuracy.

use std::fmt;

use fhe_nn_proof::client::{Scores, greatest};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::plan::{Plan, PlanOptions};
use ndarray::ArrayView2;

use super::examples::Examples;
use crate::quantize::Report;
use crate::train::Trainable;
use crate::{Error, Network};

/// A trained and quantized network, with its accuracy on examples that it has not seen. Prints as a report.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome<N> {
    /// The quantized network.
    pub network: N,
    /// The fraction that the float network with the same weights gets right, before any rounding. It is `None` for a
    /// network with a `Wave` or a `Sign`, whose weights have no meaning before they are rounded.
    pub float: Option<f64>,
    /// The fraction that the integers get right, in the clear and encrypted alike.
    pub quantized: f64,
    /// The fraction that a simulation of the encrypted run gets right. Approximate rounding may lower it.
    pub simulated: f64,
    /// Number of examples.
    pub examples: usize,
    /// Ranges, widths and errors, layer by layer.
    pub report: Report,
    /// The plan: parameters, bootstraps, key sizes, failure probability.
    pub plan: Plan,
}

impl Trainable {
    /// Quantizes the module, plans the network, and measures its accuracy on examples. `samples` are those of the last
    /// calibration, as [`Trainer::samples`](crate::train::Trainer::samples) chooses them.
    ///
    /// # Errors
    /// [`ModelError::ModelDiffers`] if `N` is not the network that was trained, and those of [`Network::quantize`], [`Network::plan`] and
    /// [`Network::run_batch`].
    pub fn outcome<N: Network>(
        &self,
        samples: ArrayView2<'_, f32>,
        examples: &Examples<'_>,
        options: &PlanOptions,
    ) -> Result<Outcome<N>, Error> {
        if *N::SPEC != self.spec {
            return Err(ModelError::ModelDiffers {
                network: N::SPEC.name.to_string(),
                difference: format!("what was trained is `{}`", self.spec.name),
            }
            .into());
        }
        let quantized = N::quantize(&self.floats()?, samples)?;
        let network = quantized.network;
        let plan = network.plan(options)?;
        let inputs = examples.inputs();
        let part = |right: usize| right as f64 / examples.len().max(1) as f64;
        let right = |scores: &[Scores]| {
            let pairs = scores.iter().zip(examples.labels());
            pairs
                .filter(|(scores, label)| scores.argmax() == **label as usize)
                .count()
        };
        let float = if self.is_smooth() {
            let scores = N::float_scores(&self.latent_reals()?, inputs)?;
            let rows = scores.rows().into_iter();
            let argmax = rows.map(|row| greatest(row.iter().copied()).unwrap_or(0));
            let pairs = argmax.zip(examples.labels());
            let right = pairs.filter(|(argmax, label)| *argmax == **label as usize);
            Some(part(right.count()))
        } else {
            None
        };
        let clear = network.run_batch(inputs)?;
        let simulated = network.simulate(&plan, inputs, 0)?;
        Ok(Outcome {
            float,
            quantized: part(right(&clear)),
            simulated: part(right(&simulated)),
            examples: examples.len(),
            report: quantized.report,
            network,
            plan,
        })
    }
}

impl<N> fmt::Display for Outcome<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (quantized, simulated) = (100.0 * self.quantized, 100.0 * self.simulated);
        let count = self.examples;
        write!(
            f,
            "of {count} examples right: {quantized:.2}% in integers, {simulated:.2}% simulated"
        )?;
        match self.float {
            Some(float) => writeln!(f, ", {:.2}% before rounding", 100.0 * float)?,
            None => writeln!(f)?,
        }
        write!(f, "{}", self.report)?;
        write!(f, "{}", self.plan)
    }
}
