//! Quantization: from a float network and samples of its inputs to integers.
//!
//! Two networks run over the samples side by side, layer by layer. The scales are found from the values
//! of the float network, and the integer network made so far gives the accumulators that were seen.
//! `graph` and `clear` define the meaning of the integers.

pub(crate) mod activation;
mod advice;
mod calibration;
mod encoder;
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
mod unused;

pub use calibration::{Calibration, Clipping};
pub use report::{Fidelity, LayerReport, Report};

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::Spec;
use ndarray::{Array1, Array2, ArrayView2};

pub use self::float::CustomFn;
pub(crate) use self::float::Float;
#[cfg(any(feature = "import", feature = "train"))]
pub(crate) use self::groups::Groups;
use self::run::Run;
use self::tensor::Signal;
#[cfg(feature = "train")]
pub(crate) use self::{
    activation::{centre, fixed_meaning},
    encoder::{lost, method, shifted},
    float::{Curve, linear_sums, weight_shape},
    linear::{Place, extent},
    neuron::{constant_of, period, wave_unit},
    preset_scales::{Clamp, Quantizer},
};
pub(crate) use self::{samples::reals, scales::Scales};
use crate::layer::{Part, compute};
use crate::{Error, Floats, Model};

/// A quantized network, with a report of its quantization.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Quantized<N> {
    /// The network, ready to run.
    pub network: N,
    /// The report: ranges, widths and errors, layer by layer.
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

    /// Quantizes trained floats for a declaration that is known only when the program runs, such as an
    /// imported one. `functions` are those of its `Custom` layers, in their order;
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
        let network = Model::new(spec.clone(), parts);
        Ok(Quantized { network, report })
    }

    /// The scores of the float network that a declaration describes. Nothing is quantized that the floats
    /// themselves do not quantize; see [`Network::quantize_with`](crate::Network::quantize_with). The result are
    /// the outputs, as [`Scores::reals`](crate::Scores::reals) has them.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; the result: `[inputs, outputs]`.
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

/// Finds the integers of every layer of `spec`.
///
/// # Errors
/// Those of the samples and of the floats, and [`ModelError::AccumulatorBreaks`].
pub(crate) fn quantize(
    spec: &Spec,
    floats: &Floats,
    functions: &[CustomFn<'_>],
    samples: ArrayView2<'_, f32>,
    calibration: &Calibration,
) -> Result<(Vec<Part>, Report), Error> {
    calibration.check()?;
    unused::check(spec, floats)?;
    let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let given = float.normalized(reals(spec, samples.view())?)?;
    let samples = float.quantized_input(given.clone())?;
    let scales = Scales::find(&float, &facts, &samples, calibration)?;
    let (input, shifts) = Signal::input(&float, samples, &scales, calibration)?;
    let mut run = Run::new(float, facts, scales, calibration, (input, shifts));
    let mut parts = Vec::with_capacity(spec.layers.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let (part, tensor) = compute(&layer.op).quantize(&mut run, index)?;
        parts.push(part);
        run.push(tensor);
    }
    let mut report = run.report;
    report.notes = advice::notes(&report, spec, &given);
    Ok((parts, report))
}

/// The scores of the float network that a declaration describes. Nothing is quantized that the floats
/// themselves do not quantize.
///
/// # Shapes
/// `inputs`: `[inputs, values of one input]`; the result: `[inputs, scores]`.
///
/// # Errors
/// Those of the inputs and of the floats, see [`crate::Network::quantize_with`].
pub(crate) fn float_scores(
    spec: &Spec,
    functions: &[CustomFn<'_>],
    floats: &Floats,
    inputs: ArrayView2<'_, f32>,
) -> Result<Array2<f64>, Error> {
    let mut tensors = float_tensors(spec, functions, floats, inputs)?;
    let scores = tensors.pop().ok_or(ModelError::PartMissing)?;
    let Some(outputs) = &spec.interface.outputs else {
        return Ok(scores);
    };
    let mut all = Array2::zeros((scores.nrows(), outputs.combinations.len()));
    for (row, mut to) in scores.rows().into_iter().zip(all.rows_mut()) {
        to.assign(&Array1::from(outputs.of(&row.to_vec())));
    }
    Ok(all)
}

/// The results of all layers of the float network, the input's values first, `[inputs, values]` each.
///
/// # Errors
/// Those of [`float_scores`].
pub(crate) fn float_tensors(
    spec: &Spec,
    functions: &[CustomFn<'_>],
    floats: &Floats,
    inputs: ArrayView2<'_, f32>,
) -> Result<Vec<Array2<f64>>, Error> {
    spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    unused::check(spec, floats)?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let inputs = float.normalized(reals(spec, inputs.view())?)?;
    float.run(float.quantized_input(inputs)?)
}
