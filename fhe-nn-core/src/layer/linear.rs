//! The computations of layers with weights and accumulators, which are `Dense` and the convolutions.

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{Function, Op};
use ndarray::Array2;

use super::Compute;
use crate::Error;
use crate::layer::Part;
use crate::quantize::Fidelity;
use crate::quantize::float::{Float, linear_sums};
use crate::quantize::linear::{Place, constant_inputs, quantize};
use crate::quantize::run::{Run, check_finite};
use crate::quantize::tensor::{self, Tensor};
#[cfg(feature = "train")]
use crate::train::{Failure, forward::Forward, signal::Signal};

/// A layer with weights and accumulators.
pub(super) struct Weighted;

impl Compute for Weighted {
    fn float(
        &self,
        float: &Float<'_>,
        index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        let layer = &float.spec.layers[index];
        let linear = layer.op.linear().ok_or(ModelError::PartMissing)?;
        let (weights, bias) = float.linear(&layer.name, &linear)?;
        Ok(linear_sums(&linear, &weights, &bias, operands[0]))
    }

    fn quantize(&self, run: &mut Run<'_>, index: usize) -> Result<(Part, Tensor), Error> {
        let spec = run.float.spec;
        let layer = &spec.layers[index];
        let linear = layer.op.linear().ok_or(ModelError::PartMissing)?;
        let reader = spec.reader(index);
        let preset = match reader.map(|act| act.function) {
            // its period is the scale of the weights
            Some(Function::Wave) => run.float.weight_scales(&layer.name, linear.channels)?,
            _ => run
                .float
                .kept_weight_scales(index, &linear, run.calibration)?,
        };
        let antiperiodic = reader.is_some_and(|act| act.function.is_antiperiodic());
        let place = Place {
            name: &layer.name,
            linear: &linear,
            reader,
            corrects_bias: preset.is_none()
                && !antiperiodic
                && is_smooth(spec.layers[..index].iter().map(|layer| &layer.op)),
            preset,
        };
        let input = run.operand(index)?;
        let floats = run.linear(index, &linear)?;
        let real = linear_sums(&linear, &floats.0, &floats.1, &input.real);
        check_finite(&layer.name, &real)?;
        let quantized = quantize(&place, input, floats, real, run.calibration);
        let (integers, before, mut report) = match quantized {
            Err(Error::Model(broken @ ModelError::AccumulatorBreaks { .. })) => {
                return Err(self.without_constants(run, &place, input, broken)?);
            }
            quantized => quantized?,
        };
        if reader.is_none() {
            let scores = before.stand_ins(linear.positions);
            report.results = Fidelity::of(&before.real, &scores);
        }
        run.report.layers.push(report);
        Ok((Part::Linear(integers.into()), Tensor::Accumulators(before)))
    }

    #[cfg(feature = "train")]
    fn train(
        &self,
        forward: &mut Forward<'_>,
        index: usize,
        tensors: &[Signal],
    ) -> Result<Signal, Failure> {
        let input = forward.operand(index, tensors)?;
        Ok(Signal::Sums(forward.linear(index, input)?))
    }
}

impl Weighted {
    /// The error for a broken promise, which says so if the promise holds without the inputs that never change.
    fn without_constants(
        &self,
        run: &Run<'_>,
        place: &Place<'_>,
        input: &tensor::Signal,
        broken: ModelError,
    ) -> Result<Error, Error> {
        let constants = constant_inputs(&input.integers).into_iter().flatten();
        let constants = constants.count();
        if run.calibration.drops_constants() || constants == 0 {
            return Ok(broken.into());
        }
        let floats = run.float.linear(place.name, place.linear)?;
        let real = linear_sums(place.linear, &floats.0, &floats.1, &input.real);
        let dropping = run.calibration.with_drop_constants(true);
        Ok(match quantize(place, input, floats, real, &dropping) {
            Ok((_, _, report)) if !report.dropped_inputs.is_empty() => Error::PromiseOfConstants {
                layer: place.name.to_owned(),
                constants,
                source: broken,
            },
            Ok(_) | Err(_) => broken.into(),
        })
    }
}

/// Whether the float network of these layers is near the integer one. With an antiperiodic activation it
/// is not: such a network is trained as integers, and its floats only record these integers.
pub(crate) fn is_smooth<'a>(mut ops: impl Iterator<Item = &'a Op>) -> bool {
    ops.all(|op| {
        op.activation()
            .is_none_or(|act| !act.function.is_antiperiodic())
    })
}
