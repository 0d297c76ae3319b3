//! The trait that `#[fhe_network]` implements: a declaration that the compiler has checked.

use std::path::Path;

use fhe_nn_proof::client::{ClientSpec, Scores};
use fhe_nn_proof::model;
use fhe_nn_proof::plan::{Fingerprint, Plan, PlanOptions};
use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, ArrayView2};

#[cfg(feature = "engine")]
use crate::engine::ServerKey;
use crate::kind::Kind;
use crate::layer::{Part, Parts};
use crate::quantize::{Calibration, CustomFn, Quantized, float_scores, quantize};
#[cfg(feature = "engine")]
use crate::run::Execution;
#[cfg(feature = "engine")]
use crate::wire::{Reply, Request};
use crate::{Error, Floats, Model, file};

/// A declared network with the integers of its quantized model.
///
/// `#[fhe_network]` implements this trait. Its provided methods are the same for every network, and most of
/// them delegate to [`Model`], which is the same network as a value.
///
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let scores = majority.run(&[1.0, 0.0, 1.0])?;
/// assert!(scores.reals()[0] > 0.5);
///
/// // a model file gives back the same network, and no other declaration reads it
/// let again = Majority::from_bytes(&majority.to_bytes())?;
/// assert_eq!(again.run(&[1.0, 0.0, 1.0])?, scores);
/// # Ok(())
/// # }
/// ```
pub trait Network: Sized {
    /// The declaration, as data.
    const SPEC: &'static Spec;

    /// The functions of the `Custom` layers, in their order.
    const FUNCTIONS: &'static [fn(f32) -> f32] = &[];

    /// Makes the network from the integers of its layers.
    #[doc(hidden)]
    fn from_parts(parts: &mut Parts) -> Result<Self, Error>;

    /// Returns the integers of the layers, in order.
    #[doc(hidden)]
    fn parts(&self) -> Vec<Part>;

    /// Returns the network as a value. It shares the integers, so it costs next to nothing.
    fn model(&self) -> Model {
        Model::new(Self::SPEC.clone(), self.parts())
    }

    /// Returns what a client must know; see [`Model::client_spec`].
    fn client_spec(&self) -> ClientSpec {
        self.model().client_spec()
    }

    /// Returns the SHA-256 hash of the declaration and the integers; see [`Model::fingerprint`].
    fn fingerprint(&self) -> Fingerprint {
        self.model().fingerprint()
    }

    /// Quantizes trained floats with the default calibration; see [`Network::quantize_with`].
    ///
    /// # Errors
    /// Those of [`Network::quantize_with`].
    fn quantize(floats: &Floats, samples: ArrayView2<'_, f32>) -> Result<Quantized<Self>, Error> {
        Self::quantize_with(floats, samples, &Calibration::default())
    }

    /// Quantizes trained floats: the samples determine the scales, and the scales determine the integers.
    ///
    /// Floats are looked up by the names of fields: `fc1.weight`, of shape `[outputs, inputs]` as in
    /// PyTorch, and `fc1.bias`, of shape `[outputs]`. A missing bias is 0.
    ///
    /// Scales that are among the floats are kept rather than found from the samples: `fc1.weight_scale`, of
    /// shape `[outputs]` or `[1]`; `relu.scale` and `relu.zero_point`, of shape `[1]`, for the results of a
    /// table; and `input.scale` and `input.zero_point` for the input, as many as its `scales` are. `relu.clamp` and
    /// `input.clamp`, of shape `[2]`, are the least and the greatest value that the model's own quantizer lets through
    /// there; without them, these are the ends of the declared levels. The float network rounds and cuts such values as
    /// well, unless they are inputs of several scales; with `relu.step` in place of `relu.scale`, it alone rounds, and the
    /// scale of the integers is found.
    ///
    /// `input.mean` and `input.std`, with one number, one for each channel or one for each value, are a normalization:
    /// the first layer reads `(x - mean) / std`. The client computes it when it encodes, so it costs nothing.
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`.
    ///
    /// # Errors
    /// [`AccumulatorBreaks`](fhe_nn_proof::error::ModelError::AccumulatorBreaks) names a neuron that
    /// exceeds its promised width, and [`Error::KeptScale`] a scale that the declared width is too narrow for.
    /// The other errors name the sample or tensor that is missing, has another
    /// shape or is not finite.
    fn quantize_with(
        floats: &Floats,
        samples: ArrayView2<'_, f32>,
        calibration: &Calibration,
    ) -> Result<Quantized<Self>, Error> {
        let (parts, report) = quantize(
            Self::SPEC,
            floats,
            &functions::<Self>(),
            samples,
            calibration,
        )?;
        let network = Self::from_parts(&mut Parts::new(parts))?;
        Ok(Quantized { network, report })
    }

    /// Computes the scores of the float network, from floats as [`Network::quantize_with`] takes them.
    /// Nothing is quantized that the floats themselves do not quantize.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; the result is `[inputs, scores]`.
    ///
    /// # Errors
    /// Those of [`Network::quantize_with`].
    fn float_scores(floats: &Floats, inputs: ArrayView2<'_, f32>) -> Result<Array2<f64>, Error> {
        float_scores(Self::SPEC, &functions::<Self>(), floats, inputs)
    }

    /// Returns the declaration with random weights, ready to be trained. The weights are the same every
    /// time.
    ///
    /// # Errors
    /// [`Error::Model`] for layers that do not fit together, and [`Error::Train`] if a tensor cannot be made.
    #[cfg(feature = "train")]
    fn trainable(device: &crate::train::Device) -> Result<crate::train::Trainable, Error> {
        crate::train::Trainable::new(Self::SPEC, functions::<Self>(), device, 0)
    }

    /// Saves the integers, with their meaning and the declaration; see [`Model::save`].
    ///
    /// # Errors
    /// [`Error::Write`].
    fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.model().save(path)
    }

    /// Loads a network that [`Network::save`] saved.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`Network::from_bytes`].
    fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read_as("model", path.as_ref(), Self::from_bytes)
    }

    /// Returns the model file as bytes; see [`Model::to_bytes`].
    fn to_bytes(&self) -> Vec<u8> {
        self.model().to_bytes()
    }

    /// Reads the network from a model file in memory, which must be of this declaration.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is not a model of this declaration, or if an accumulator is narrower
    /// than what its weights can reach.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Kind::check(bytes, &[Kind::Safetensors], "a quantized model")?;
        Self::from_parts(&mut Parts::new(model::from_bytes(Self::SPEC, bytes)?))
    }

    /// Runs one input in the clear; see [`Model::run`].
    ///
    /// # Errors
    /// Those of [`Model::run`].
    fn run(&self, input: &[f32]) -> Result<Scores, Error> {
        self.model().run(input)
    }

    /// Runs many inputs in the clear; see [`Model::run_batch`].
    ///
    /// # Errors
    /// Those of [`Model::run_batch`].
    fn run_batch(&self, inputs: ArrayView2<'_, f32>) -> Result<Vec<Scores>, Error> {
        self.model().run_batch(inputs)
    }

    /// Finds the parameters of an encrypted run; see [`Model::plan`].
    ///
    /// # Errors
    /// Those of [`Model::plan`].
    fn plan(&self, options: &PlanOptions) -> Result<Plan, Error> {
        self.model().plan(options)
    }

    /// Runs many inputs with the noise of an encrypted run, without keys; see [`Model::simulate`].
    ///
    /// # Errors
    /// Those of [`Model::simulate`].
    fn simulate(
        &self,
        plan: &Plan,
        inputs: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<Vec<Scores>, Error> {
        self.model().simulate(plan, inputs, seed)
    }

    /// Runs one input encrypted; see [`Model::run_encrypted`].
    ///
    /// # Errors
    /// Those of [`Model::run_encrypted`].
    #[cfg(feature = "engine")]
    fn run_encrypted(&self, key: &ServerKey, request: &Request) -> Result<Reply, Error> {
        self.model().run_encrypted(key, request)
    }

    /// Runs many inputs encrypted; see [`Model::run_encrypted_batch`].
    ///
    /// # Errors
    /// Those of [`Model::run_encrypted_batch`].
    #[cfg(feature = "engine")]
    fn run_encrypted_batch(
        &self,
        key: &ServerKey,
        requests: &[Request],
        execution: &Execution<'_>,
    ) -> Result<Vec<Reply>, Error> {
        self.model().run_encrypted_batch(key, requests, execution)
    }
}

/// The functions of the `Custom` layers.
fn functions<N: Network>() -> Vec<CustomFn<'static>> {
    let functions = N::FUNCTIONS.iter();
    functions
        .map(|function| function as CustomFn<'static>)
        .collect()
}
