//! From a float network and samples of its inputs to integers.
//!
//! Layer by layer, two networks run over the samples side by side: the float one, whose values
//! the scales are found from, and the integer one made so far, which says what accumulators were
//! seen. `graph` and `clear` have the meaning of the integers.

mod activation;
mod calibration;
mod float;
mod groups;
mod kept;
mod linear;
mod neuron;
mod report;
mod run;
mod samples;
mod scales;
mod tensor;

pub use calibration::Calibration;
pub use report::{Fidelity, LayerReport, Report};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, ArrayView2};

pub use self::float::CustomFn;
pub(crate) use self::float::Float;
use self::run::Run;
use self::tensor::{Preactivation, Signal};
#[cfg(feature = "train")]
pub(crate) use self::{
    activation::{centre, fixed_meaning},
    float::{Curve, weight_shape},
    groups::Groups,
    linear::{Place, extent},
    neuron::{phase_of, wave_unit},
};
pub(crate) use self::{samples::reals, scales::Scales};
use crate::layer::Part;
use crate::{Error, Floats, Model};

/// A quantized network, and what quantization did to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized<N> {
    /// The network, ready to run.
    pub network: N,
    /// Ranges, widths and errors, layer by layer.
    pub report: Report,
}

impl Model {
    /// Quantizes trained floats with the default calibration; see [`Model::quantize_with`].
    ///
    /// # Errors
    /// Those of [`Model::quantize_with`].
    pub fn quantize(
        spec: &Spec,
        floats: &Floats,
        samples: ArrayView2<'_, f32>,
    ) -> Result<Quantized<Model>, Error> {
        Self::quantize_with(spec, &[], floats, samples, &Calibration::default())
    }

    /// Quantizes trained floats for a declaration that is known only when the program runs: one that was
    /// imported, say. `functions` are those of its `Custom` layers, in their order;
    /// [`Network::quantize_with`](crate::Network::quantize_with) says how floats are named.
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`.
    ///
    /// # Errors
    /// Those of [`Network::quantize_with`](crate::Network::quantize_with), and [`Error::Model`] for a
    /// declaration that the macro would not have accepted.
    pub fn quantize_with(
        spec: &Spec,
        functions: &[CustomFn<'_>],
        floats: &Floats,
        samples: ArrayView2<'_, f32>,
        calibration: &Calibration,
    ) -> Result<Quantized<Model>, Error> {
        spec.check_numbers()?;
        let (parts, report) = quantize(spec, floats, functions, samples, calibration)?;
        let network = Model::checked(spec.clone(), parts);
        Ok(Quantized { network, report })
    }

    /// The scores of the float network that a declaration describes, without any quantization.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; the result is `[inputs, scores]`.
    ///
    /// # Errors
    /// Those of [`Model::quantize_with`].
    pub fn float_scores(
        spec: &Spec,
        functions: &[CustomFn<'_>],
        floats: &Floats,
        inputs: ArrayView2<'_, f32>,
    ) -> Result<Array2<f64>, Error> {
        spec.check_numbers()?;
        float_scores(spec, functions, floats, inputs)
    }
}

/// The integers of every layer of `spec`.
///
/// # Errors
/// Those of the samples, of the floats, and [`ModelError::AccumulatorBreaks`].
pub(crate) fn quantize(
    spec: &Spec,
    floats: &Floats,
    functions: &[CustomFn<'_>],
    samples: ArrayView2<'_, f32>,
    calibration: &Calibration,
) -> Result<(Vec<Part>, Report), Error> {
    calibration.check()?;
    let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let samples = reals(spec, samples)?;
    let scales = Scales::find(&float, &facts, &samples, calibration)?;
    let input = Signal::input(spec, samples, &scales, calibration)?;
    Run::new(float, facts, scales, calibration, input).layers()
}

/// The scores of the float network that a declaration describes, without any quantization.
///
/// # Shapes
/// `inputs`: `[inputs, values of one input]`, `[inputs, scores]`.
///
/// # Errors
/// Those of the inputs and of the floats, see [`crate::Network::quantize_with`].
pub(crate) fn float_scores(
    spec: &Spec,
    functions: &[CustomFn<'_>],
    floats: &Floats,
    inputs: ArrayView2<'_, f32>,
) -> Result<Array2<f64>, Error> {
    spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let mut tensors = float.run(reals(spec, inputs)?)?;
    tensors.pop().ok_or(ModelError::PartMissing.into())
}

/// Refuses values whose scale or errors, which are squared, could not be computed.
fn check_finite(layer: &str, values: &Array2<f64>) -> Result<(), Error> {
    let squares: f64 = values.iter().map(|x| x * x).sum();
    if squares.is_finite() {
        Ok(())
    } else {
        Err(Error::RealNotFinite {
            layer: layer.to_owned(),
        })
    }
}

fn undeclarable(layer: &str, law: &'static str) -> Error {
    let layer = layer.to_owned();
    ModelError::Undeclarable { layer, law }.into()
}
