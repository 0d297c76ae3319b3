//! Activations, each of which looks every accumulator up in a table.
//!
//! All of them except `Sign`, `Wave` and `Custom` are PyTorch's; `Function` gives their values. A table
//! costs the same whatever function it holds. Parameters come with the floats, under PyTorch's names: a
//! field `act` of type `LeakyRelu` takes `act.negative_slope`, or its default if the floats do not have
//! it.

use std::sync::Arc;

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{ActivationSpec, Function};
use ndarray::Array2;

use super::{Compute, Layer, Part, Tables, sealed::Sealed};
use crate::Error;
use crate::quantize::activation::{fixed_meaning, quantize, signs};
use crate::quantize::float::Float;
use crate::quantize::run::Run;
use crate::quantize::tensor::Tensor;
#[cfg(feature = "train")]
use crate::train::{Failure, forward::Forward, signal::Signal};
use fhe_nn_proof::graph::Read;

/// `max(x, 0)`. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Relu(Arc<Tables>);

/// `min(max(x, 0), 6)`. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Relu6(Arc<Tables>);

/// `x` for `x >= 0`, else `negative_slope x`, by default with a slope of 0.01. Results lie in
/// `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakyRelu(Arc<Tables>);

/// `x` for `x >= 0`, else `weight x`, where the weight is learned, one for all channels or one for each.
/// Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Prelu(Arc<Tables>);

/// `x` for `x > threshold`, else `value`. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold(Arc<Tables>);

/// `x` for `x > 0`, else `alpha (exp(x) - 1)`, by default with an `alpha` of 1. Results lie in
/// `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Elu(Arc<Tables>);

/// `1.0507 x` for `x > 0`, else `1.0507 x 1.6733 (exp(x) - 1)`.
/// Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Selu(Arc<Tables>);

/// `max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)`, by default with an `alpha` of 1. With an `alpha` of
/// 0, which PyTorch does not allow, it is `max(x, 0)`. Results lie in
/// `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Celu(Arc<Tables>);

/// `x (1 + erf(x / sqrt 2)) / 2`. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Gelu(Arc<Tables>);

/// `x / (1 + exp(-x))`, also called swish. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Silu(Arc<Tables>);

/// `x tanh(ln(1 + exp(x)))`. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mish(Arc<Tables>);

/// `ln(1 + exp(beta x)) / beta` up to `beta x = threshold`, then `x`, by default with a `beta` of 1 and
/// a `threshold` of 20. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Softplus(Arc<Tables>);

/// `x min(max(x + 3, 0), 6) / 6`. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HardSwish(Arc<Tables>);

/// `1 / (1 + exp(-x))`. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sigmoid(Arc<Tables>);

/// `min(max(alpha x + beta, 0), 1)`, by default with an `alpha` of 1/6 and a `beta` of 1/2. Results lie in
/// `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HardSigmoid(Arc<Tables>);

/// Hyperbolic tangent. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tanh(Arc<Tables>);

/// `min(max(x, min_val), max_val)`, by default with bounds of -1 and 1. Results lie in
/// `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HardTanh(Arc<Tables>);

/// `x / (1 + |x|)`. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Softsign(Arc<Tables>);

/// The value itself, requantized. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity(Arc<Tables>);

/// `|x|`. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Abs(Arc<Tables>);

/// `x^2`. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Square(Arc<Tables>);

/// `exp(x)`. Results lie in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exp(Arc<Tables>);

/// A function of your own, a `fn(f32) -> f32` that `#[bits(output = 4, function = path::to::function)]`
/// names. Results lie in `[-2^(output - 1), 2^(output - 1) - 1]`. The quantizer calls the function once
/// for every entry of a table, and the model keeps the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom(Arc<Tables>);

/// `+1` for values of at least 0, else `-1`. Its table is antiperiodic.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign(());

/// A triangle wave of `2^output` odd levels. Its table is antiperiodic.
///
/// In reals, it has period 4 and is `1 - x` on `[0, 2]` and `x - 3` on `[2, 4]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave(());

macro_rules! tabulated {
    ($($layer:ident),*) => {$(
        impl Sealed for $layer {}
        impl Layer for $layer {
            fn from_part(part: Part) -> Result<Self, ModelError> {
                match part {
                    Part::Tables(tables) => Ok($layer(tables)),
                    _ => Err(ModelError::PartMissing),
                }
            }
            fn part(&self) -> Part {
                Part::Tables(self.0.clone())
            }
        }
    )*};
}
tabulated!(
    Relu,
    Relu6,
    LeakyRelu,
    Prelu,
    Threshold,
    Custom,
    Elu,
    Selu,
    Celu,
    Gelu,
    Silu,
    Mish,
    Softplus,
    HardSwish,
    Sigmoid,
    HardSigmoid,
    Tanh,
    HardTanh,
    Softsign,
    Identity,
    Abs,
    Square,
    Exp
);

macro_rules! antiperiodic {
    ($($layer:ident),*) => {$(
        impl Sealed for $layer {}
        impl Layer for $layer {
            fn from_part(part: Part) -> Result<Self, ModelError> {
                match part {
                    Part::Antiperiodic => Ok($layer(())),
                    _ => Err(ModelError::PartMissing),
                }
            }
            fn part(&self) -> Part {
                Part::Antiperiodic
            }
        }
    )*};
}
antiperiodic!(Sign, Wave);

impl Compute for ActivationSpec {
    fn float(
        &self,
        float: &Float<'_>,
        index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        let channels = float.channels(index);
        let curve = float.curve(index, self)?;
        Ok(curve.results(self.phases, channels, operands[0]))
    }

    fn quantize(&self, run: &mut Run<'_>, index: usize) -> Result<(Part, Tensor), Error> {
        let spec = run.float.spec;
        let (name, source) = (&spec.layers[index].name, spec.sources(index)[0]);
        let channels = run.facts[source].shape[0];
        let of_sums;
        let before = match run.tensors.get(source).and_then(Option::as_ref) {
            Some(Tensor::Accumulators(before)) => before,
            Some(Tensor::Values(signal)) => {
                of_sums = signal.as_sums(channels, self.phases);
                &of_sums
            }
            None => return Err(ModelError::PartMissing.into()),
        };
        let read = Read {
            stage: 0,
            reader: self.function.reader(),
            lattices: Vec::new(),
            positions: before.real.ncols() / before.widths.len(),
            widths: before.widths.as_slice().into(),
        };
        let real = match self.function {
            Function::Sign => signs(self.phases, &read, before),
            _ => run.float.layer(index, &[&before.real])?,
        };
        let meaning = if self.function.is_antiperiodic() {
            fixed_meaning(self)
        } else {
            let levels = self.function.range(self.output);
            run.scales.of(index + 1, &real, levels, run.calibration)
        };
        let curve = run.float.curve(index, self)?;
        let (part, after) = quantize(name, self, &curve, read, before, (real, meaning))?;
        // the report of a linear layer includes the results of the table that reads it
        let linear = source.checked_sub(1).map(|index| &*spec.layers[index].name);
        let mut reports = run.report.layers.iter_mut();
        if let Some(report) = reports.find(|report| Some(&*report.layer) == linear) {
            report.results = after.fidelity();
        }
        Ok((part, Tensor::Values(after)))
    }

    #[cfg(feature = "train")]
    fn train(
        &self,
        forward: &mut Forward<'_>,
        index: usize,
        tensors: &[Signal],
    ) -> Result<Signal, Failure> {
        let source = forward.module.spec.sources(index)[0];
        let of_values;
        let sums = match &tensors[source] {
            Signal::Sums(sums) => sums,
            Signal::Values(values) => {
                of_values = forward.as_sums(source, values, self)?;
                &of_values
            }
        };
        Ok(Signal::Values(forward.activation(index, self, sums)?))
    }
}
