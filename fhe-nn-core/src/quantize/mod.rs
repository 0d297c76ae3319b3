//! From a float network and samples of its inputs to integers.
//!
//! Layer by layer, two networks run over the samples side by side: the float one, whose values
//! the scales are found from, and the integer one made so far, which says what accumulators were
//! seen. `graph` and `clear` have the meaning of the integers.

pub(crate) mod activation;
mod calibration;
pub(crate) mod float;
mod groups;
pub(crate) mod linear;
mod neuron;
mod pass;
mod preset_scales;
mod report;
pub(crate) mod run;
mod samples;
mod scales;
pub(crate) mod tensor;

pub use calibration::{Calibration, Clipping};
pub use report::{Fidelity, LayerReport, Report};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::Spec;
use ndarray::Array2;

pub(crate) use self::float::{CustomFn, Float};
use self::run::Run;
use self::tensor::Signal;
#[cfg(feature = "train")]
pub(crate) use self::{
    activation::{centre, fixed_meaning},
    float::{Curve, weight_shape},
    groups::Groups,
    linear::{Place, extent},
    neuron::{phase_of, wave_unit},
};
pub(crate) use self::{samples::reals, scales::Scales};
use crate::layer::{Part, compute};
use crate::{Error, Floats};

/// A quantized network, and what quantization did to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized<N> {
    /// The network, ready to run.
    pub network: N,
    /// Ranges, widths and errors, layer by layer.
    pub report: Report,
}

/// The integers of every layer of `spec`.
///
/// # Errors
/// Those of the samples, of the floats, and [`ModelError::AccumulatorBreaks`].
pub(crate) fn quantize(
    spec: &Spec,
    floats: &Floats,
    functions: &[CustomFn<'_>],
    samples: &Array2<f32>,
    calibration: &Calibration,
) -> Result<(Vec<Part>, Report), Error> {
    calibration.check()?;
    let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let samples = reals(spec, samples.view())?;
    let scales = Scales::find(&float, &facts, &samples, calibration)?;
    let input = Signal::input(spec, samples, &scales, calibration)?;
    let mut run = Run::new(float, facts, scales, calibration, input);
    let mut parts = Vec::with_capacity(spec.layers.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let (part, tensor) = compute(&layer.op).quantize(&mut run, index)?;
        parts.push(part);
        run.push(tensor);
    }
    Ok((parts, run.report))
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
    inputs: &Array2<f32>,
) -> Result<Array2<f64>, Error> {
    spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let mut tensors = float.run(reals(spec, inputs.view())?)?;
    tensors.pop().ok_or(ModelError::PartMissing.into())
}
