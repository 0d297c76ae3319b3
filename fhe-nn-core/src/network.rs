//! The trait that `#[fhe_network]` implements: a declaration, and everything that follows.

use std::path::Path;

use fhe_nn_proof::client::{ClientSpec, Scores};
use fhe_nn_proof::model;
use fhe_nn_proof::plan::{Options, Plan};
use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::backend::interpret;
use crate::clear::{self, Clear};
#[cfg(feature = "tfhe")]
use crate::encrypted::{Ciphertexts, Encrypted, Execution};
use crate::graph::Graph;
#[cfg(feature = "tfhe")]
use crate::keys::EvaluationKey;
use crate::layer::{PartRef, Parts};
use crate::quantize::{CustomFn, float_scores, quantize};
use crate::simulated::Simulated;
#[cfg(feature = "tfhe")]
use crate::wire::{Reply, Request};
use crate::{Calibration, Error, Floats, Quantized, file};

/// How many inputs the clear backend takes at once: few enough that their values stay in cache.
const CLEAR_BATCH: usize = 256;
/// How many inputs the encrypted backend takes at once: more do not make it faster, and their
/// ciphertexts, some megabytes for each, are in memory together.
#[cfg(feature = "tfhe")]
const ENCRYPTED_BATCH: usize = 4;

/// A declared network with the integers of its quantized model.
///
/// Implemented by `#[fhe_network]`; the provided methods are the same for every network.
pub trait Network: Sized {
    /// The declaration, as data.
    const SPEC: &'static Spec;

    /// The functions of the `Custom` layers, in their order.
    const FUNCTIONS: &'static [fn(f32) -> f32] = &[];

    /// The network around the integers of its layers.
    #[doc(hidden)]
    fn from_parts(parts: &mut Parts) -> Result<Self, Error>;

    /// The integers of the layers, in order.
    #[doc(hidden)]
    fn parts(&self) -> Vec<PartRef<'_>>;

    /// The integer program.
    fn graph(&self) -> Graph<'_> {
        Graph::new(Self::SPEC, &self.parts()).expect("a network holds the parts of its declaration")
    }

    /// What a client must know: how inputs are encoded and what scores mean.
    fn client_spec(&self) -> ClientSpec {
        self.graph().client_spec()
    }

    /// Quantizes trained floats with the default calibration; see [`Network::quantize_with`].
    ///
    /// # Errors
    /// Those of [`Network::quantize_with`].
    fn quantize(floats: &Floats, samples: &Array2<f32>) -> Result<Quantized<Self>, Error> {
        Self::quantize_with(floats, samples, &Calibration::default())
    }

    /// Quantizes trained floats: scales from the values over the samples, integers from the scales.
    ///
    /// Floats are found by the names of fields: `fc1.weight`, of shape `[outputs, inputs]` as in
    /// PyTorch, and `fc1.bias`, of shape `[outputs]`; without a bias it is 0.
    ///
    /// Scales that are among the floats are kept and not found from the samples: `fc1.weight_scale`, of shape
    /// `[outputs]` or `[1]`; of the results of a table `relu.scale` and `relu.zero_point`, of shape `[1]`, and
    /// of the input `input.scale` and `input.zero_point`.
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`.
    ///
    /// # Errors
    /// [`AccumulatorBreaks`](crate::ModelError::AccumulatorBreaks) names a neuron that does not keep its
    /// promised width. Others name the sample or tensor that is missing, of another shape or not finite.
    fn quantize_with(
        floats: &Floats,
        samples: &Array2<f32>,
        calibration: &Calibration,
    ) -> Result<Quantized<Self>, Error> {
        let (parts, report) = quantize(Self::SPEC, floats, &own::<Self>(), samples, calibration)?;
        Ok(Quantized {
            network: Self::from_parts(&mut Parts::new(parts))?,
            report,
        })
    }

    /// The scores of the float network, without any quantization, from floats as
    /// [`Network::quantize_with`] takes them.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`, `[inputs, scores]`.
    ///
    /// # Errors
    /// Those of [`Network::quantize_with`].
    fn float_scores(floats: &Floats, inputs: &Array2<f32>) -> Result<Array2<f64>, Error> {
        float_scores(Self::SPEC, &own::<Self>(), floats, inputs)
    }

    /// The declaration with random weights, to be trained: the same weights every time.
    ///
    /// # Errors
    /// [`Error::Model`] for layers that do not fit together, and [`Error::Train`] if a tensor cannot be made.
    #[cfg(feature = "train")]
    fn trainable(device: &crate::train::Device) -> Result<crate::train::Trainable, Error> {
        crate::train::Trainable::new(Self::SPEC, own::<Self>(), device, 0)
    }

    /// Saves the integers, with their meaning and the declaration, as one safetensors file.
    ///
    /// # Errors
    /// [`Error::Write`].
    fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes())
    }

    /// Loads what [`Network::save`] saved.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`Network::from_bytes`].
    fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_bytes(&file::read(path.as_ref())?)
    }

    /// The model file in memory; equal networks give equal bytes.
    fn to_bytes(&self) -> Vec<u8> {
        model::to_bytes(Self::SPEC, &self.parts())
    }

    /// The network of a model file in memory. Everything that this crate relies on is checked.
    ///
    /// # Errors
    /// [`Error::Model`]: what is no model of this declaration, and widths that do not hold what the weights
    /// can reach.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_parts(&mut Parts::new(model::from_bytes(Self::SPEC, bytes)?))
    }

    /// Runs one input in the clear, with exact integers.
    ///
    /// # Shapes
    /// `input`: the real values of one input in row-major order.
    ///
    /// # Errors
    /// [`Error::InputLength`] and [`Error::InputNotFinite`].
    fn run(&self, input: &[f32]) -> Result<Scores, Error> {
        let batch = ArrayView2::from_shape((1, input.len()), input)
            .expect("one row of the slice's own length");
        Ok(self.run_batch(batch)?.swap_remove(0))
    }

    /// Runs many inputs in the clear, with exact integers, on all cores.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; one result a row.
    ///
    /// # Errors
    /// [`Error::InputLength`] and [`Error::InputNotFinite`].
    fn run_batch(&self, inputs: ArrayView2<'_, f32>) -> Result<Vec<Scores>, Error> {
        let graph = self.graph();
        let client = graph.client_spec();
        let batches: Vec<Vec<Scores>> = inputs
            .axis_chunks_iter(Axis(0), CLEAR_BATCH)
            .into_par_iter()
            .map(|rows| {
                let values = encode(&client, rows)?;
                let Ok(sums) = interpret(&graph, &mut Clear, values);
                Ok(clear::scores(&graph.scores, sums)
                    .rows()
                    .into_iter()
                    .map(|row| client.scores(row.to_vec()))
                    .collect())
            })
            .collect::<Result<_, Error>>()?;
        Ok(batches.into_iter().flatten().collect())
    }

    /// Finds the parameters of an encrypted run.
    ///
    /// # Errors
    /// [`Error::Plan`] if there are none, and what [`Graph::program`] refuses.
    fn plan(&self, options: &Options) -> Result<Plan, Error> {
        let (_, plan) = self.graph().plan(options)?;
        Ok(plan)
    }

    /// Runs many inputs as they would run encrypted under a plan, without keys: with noise drawn from the
    /// plan's predictions, on all cores. Runs of the same seed give the same results.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; one result a row.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] if the plan was made for another network or other weights, [`Error::Plan`]
    /// if its parameters are out of range, what [`Graph::program`] refuses, [`Error::InputLength`] and
    /// [`Error::InputNotFinite`].
    fn simulate(
        &self,
        plan: &Plan,
        inputs: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<Vec<Scores>, Error> {
        let graph = self.graph();
        plan.validate()?;
        if !plan.serves(&graph.program(graph.fingerprint())?) {
            return Err(Error::WrongPlan {
                what: "plan",
                of: "the network",
            });
        }
        let client = graph.client_spec();
        let batches: Vec<Vec<Scores>> = inputs
            .axis_chunks_iter(Axis(0), CLEAR_BATCH)
            .into_par_iter()
            .enumerate()
            .map(|(stream, rows)| {
                let mut backend = Simulated::new(plan, seed, stream as u64);
                let values = backend.encrypt(&encode(&client, rows)?, graph.input_stage);
                let Ok(scores) = interpret(&graph, &mut backend, values);
                let scores = backend.decrypt(&scores);
                let rows = scores.rows().into_iter();
                Ok(rows.map(|row| client.scores(row.to_vec())).collect())
            })
            .collect::<Result<_, Error>>()?;
        Ok(batches.into_iter().flatten().collect())
    }

    /// Runs one input encrypted. The result, decrypted, equals that of [`Network::run`], but for
    /// the failure probability that the plan states.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] if the key or the request was made for another network or other
    /// weights, [`Error::WrongKey`] if they do not go together.
    #[cfg(feature = "tfhe")]
    fn run_encrypted(&self, key: &EvaluationKey, request: &Request) -> Result<Reply, Error> {
        let requests = core::slice::from_ref(request);
        let replies = self.run_encrypted_batch(key, requests, &Execution::default())?;
        Ok(replies
            .into_iter()
            .next()
            .expect("one reply for one request"))
    }

    /// Runs many inputs encrypted, a few at a time and these layer by layer: their bootstraps fill the
    /// batches that pass over the key together. Each reply is that of [`Network::run_encrypted`], bit for
    /// bit, whatever the batch and the number of threads.
    ///
    /// # Errors
    /// Those of [`Network::run_encrypted`], [`Error::Cancelled`] and [`Error::Threads`].
    #[cfg(feature = "tfhe")]
    fn run_encrypted_batch(
        &self,
        key: &EvaluationKey,
        requests: &[Request],
        execution: &Execution<'_>,
    ) -> Result<Vec<Reply>, Error> {
        let graph = self.graph();
        let program = graph.program(graph.fingerprint())?;
        if !key.plan.serves(&program) {
            return Err(Error::WrongPlan {
                what: "evaluation key",
                of: "the network",
            });
        }
        for request in requests {
            request.belongs_to(key)?;
        }
        let watch = execution.watch(requests.len() * key.plan.bootstraps() as usize);
        execution.on_threads(|| {
            let mut replies = Vec::with_capacity(requests.len());
            for requests in requests.chunks(ENCRYPTED_BATCH) {
                watch.check()?;
                let values = requests.iter().map(|request| request.expand(&key.plan));
                let mut backend = Encrypted::new(key, &watch, requests.len());
                let sums = interpret(&graph, &mut backend, Ciphertexts::concat(values))?;
                let scores = backend.finish(&graph.scores, &sums);
                let scores = scores.split(key.plan.output.scores as usize);
                replies.extend(scores.map(|scores| Reply::new(key, scores)));
            }
            Ok(replies)
        })
    }
}

/// The functions of the `Custom` layers.
fn own<N: Network>() -> Vec<CustomFn<'static>> {
    N::FUNCTIONS
        .iter()
        .map(|own| own as CustomFn<'static>)
        .collect()
}

/// Encodes real inputs, `[inputs, values]`, as the integers of the first layer.
///
/// # Errors
/// [`Error::InputLength`], [`Error::InputNotFinite`] and [`Error::NoToken`].
pub(crate) fn encode(
    client: &ClientSpec,
    inputs: ArrayView2<'_, f32>,
) -> Result<Array2<i64>, Error> {
    if inputs.ncols() != client.inputs {
        return Err(Error::InputLength {
            network: client.network.clone(),
            expected: client.inputs,
            actual: inputs.ncols(),
        });
    }
    if let Some((index, &value)) = inputs.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        return Err(Error::InputNotFinite {
            index: index % client.inputs,
            value,
        });
    }
    let mut integers = Array2::zeros((inputs.nrows(), client.integers()));
    for (input, mut row) in inputs.rows().into_iter().zip(integers.rows_mut()) {
        let own = client.encode(&input.to_vec())?;
        row.assign(&ArrayView1::from(&own));
    }
    Ok(integers)
}
