//! A declaration whose weights are learned.

use std::collections::BTreeMap;

use candle_core::{Device, Var};
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::plan::Plan;
use fhe_nn_proof::spec::{Function, Op, Rounding, Spec, Tensor as Fact};
use fhe_nn_proof::widths::Range;
use ndarray::ArrayD;

use super::error::{Failure, TrainError, tensor_operation};
use super::ops::Windows;
use super::parameters::{Learned, reads_wave};
use super::scales::Scale;
use crate::layer::is_smooth;
use crate::quantize::{CustomFn, Groups, period};
use crate::{Calibration, Error, Floats};

/// A declaration whose weights are learned.
///
/// It computes with reals, or with the integers of the quantized network: with the same weights at the declared
/// widths, the same tables, the same wrapped and dropped bits, and the same encoded inputs. Scales are learned
/// together with the weights (Esser et al. 2020, "Learned Step Size Quantization"). Promised accumulators are kept
/// in every step. Scales of inputs and results, and the widths of `calibrated` accumulators, are found over samples:
/// scales once, before training, and widths whenever [`calibrate`](Trainable::calibrate) is called.
///
/// [`Network::trainable`](crate::Network::trainable) makes one, and setters say how it is trained:
///
/// ```
/// use fhe_nn_core::prelude::*;
/// use fhe_nn_core::train::{Device, WeightScales};
///
/// #[fhe_network(input(shape = [4], bits = 2))]
/// struct Tiny {
///     #[bits(weights = 3)]
///     scores: Dense<4, 2>,
/// }
///
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let module = Tiny::trainable(&Device::Cpu)?
///     .with_weight_scales(WeightScales::Greatest)
///     .with_pruned(0.25);
/// assert_eq!(module.pruned(), 0.25);
/// # Ok(())
/// # }
/// ```
pub struct Trainable {
    pub(crate) spec: Spec,
    pub(super) functions: Vec<CustomFn<'static>>,
    pub(crate) device: Device,
    /// For every tensor, what is known without the weights.
    pub(super) facts: Vec<Fact>,
    /// For every layer, its learned parameters.
    pub(super) learned: Vec<Option<Learned>>,
    /// For every layer, the positions that its windows read.
    pub(crate) windows: Vec<Option<Windows>>,
    /// For every tensor that has a scale of its own, that scale.
    pub(super) scales: Vec<Option<Scale>>,
    /// The scales and zero points of the input, if it has several.
    pub(super) several: Vec<Affine>,
    /// For every layer with weights, the range of its accumulators over the samples, without constants.
    pub(super) seen: Vec<Option<Vec<Range>>>,
    /// For every layer, the noise with which its tables read.
    pub(super) noise: Vec<Option<Noise>>,
    /// What is not learned: parameters of activations, the normalization of the input, clamps and steps.
    pub(super) given: Floats,
    pub(super) calibration: Calibration,
    pub(super) precision: Precision,
    pub(super) weight_scales: WeightScales,
    pub(super) powers_of_two: bool,
    pub(super) pruned: f64,
    pub(super) groups: Groups,
}

/// The numbers that a module computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// The integers of the quantized network.
    #[default]
    Integers,
    /// Reals, like the float network of the same shape: no weight, value or table is rounded.
    Float,
}

/// Where the scales of weights come from. Each channel has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WeightScales {
    /// Scales are learned, which gives the greatest accuracy at few bits.
    #[default]
    Learned,
    /// Scales follow from the greatest weight of each channel. Most integers are then small, and so is the noise of
    /// their sums, which may allow faster parameters.
    Greatest,
}

/// The noise of accumulators that tables read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation, in units of an accumulator of `scale` bits.
    pub(super) deviation: f64,
    /// Width of the accumulator that gives all ciphertexts their step.
    pub(super) scale: u32,
}

impl Trainable {
    /// Makes a module with random weights, which follow from the seed.
    ///
    /// # Errors
    /// [`ModelError::Flow`] if layers do not fit together, and [`TrainError::TensorOperation`].
    pub fn new(
        spec: &Spec,
        functions: Vec<CustomFn<'static>>,
        device: &Device,
        seed: u64,
    ) -> Result<Self, Error> {
        let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
        let layers = 0..spec.layers.len();
        let window = |index: usize| {
            let window = match &spec.layers[index].op {
                Op::Conv(conv) => conv.window,
                Op::Pool(pool) => pool.window,
                _ => return Ok(None),
            };
            Windows::new(window, device).map(Some)
        };
        Ok(Trainable {
            learned: layers
                .clone()
                .map(|index| Learned::random(spec, index, seed, device))
                .collect::<Result<_, _>>()
                .map_err(tensor_operation)?,
            windows: layers
                .clone()
                .map(window)
                .collect::<Result<_, _>>()
                .map_err(tensor_operation)?,
            scales: vec![None; facts.len()],
            several: Vec::new(),
            noise: layers.clone().map(|_| None).collect(),
            seen: layers.map(|_| None).collect(),
            groups: Groups::of(spec)?,
            given: defaults(spec)?,
            calibration: Calibration::default(),
            precision: Precision::default(),
            weight_scales: WeightScales::default(),
            powers_of_two: false,
            pruned: 0.0,
            device: device.clone(),
            spec: spec.clone(),
            functions,
            facts,
        })
    }

    /// Sets what the module computes with; by default, integers. A module that was trained in floating
    /// point has not learned scales: [`load`](Trainable::load) its [`latent`](Trainable::latent) floats
    /// into another module to train them as integers.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets how scales are found over samples before training, and whether kept scales that the declared widths
    /// are too narrow for are found anew; by default, [`Calibration::default`].
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = calibration;
        self
    }

    /// Sets where the scales of weights come from; by default, they are learned.
    pub fn with_weight_scales(mut self, weight_scales: WeightScales) -> Self {
        self.weight_scales = weight_scales;
        self
    }

    /// Sets whether every integer weight is 0 or a power of two, which turns products into shifts; by default, any
    /// integer is allowed.
    pub fn with_powers_of_two(mut self, powers_of_two: bool) -> Self {
        self.powers_of_two = powers_of_two;
        self
    }

    /// Sets the fraction of each neuron's weights that is 0, from 0 to 1; by default, 0.
    pub fn with_pruned(mut self, pruned: f64) -> Self {
        self.pruned = pruned;
        self
    }

    /// What the module computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Where the scales of weights come from.
    pub fn weight_scales(&self) -> WeightScales {
        self.weight_scales
    }

    /// Whether every integer weight is 0 or a power of two.
    pub fn powers_of_two(&self) -> bool {
        self.powers_of_two
    }

    /// The fraction of each neuron's weights that is 0.
    pub fn pruned(&self) -> f64 {
        self.pruned
    }

    /// The declaration.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Trains from now on with the noise that a plan predicts for tables with approximate rounding, so that
    /// the network learns to tolerate values that are off by a step. Tables with exact rounding do not have
    /// noise. The plan is that of the network trained so far, as in [`outcome`](Trainable::outcome); `None`
    /// ends training with noise.
    pub fn learn_with_noise(&mut self, plan: Option<&Plan>) {
        for (layer, noise) in self.spec.layers.iter().zip(&mut self.noise) {
            let stages = plan.map_or(&[][..], |plan| &*plan.stages).iter();
            let mut own = stages.filter(|stage| {
                stage.lookup == layer.name
                    && stage.sums.rounding == Rounding::Approximate
                    && stage.sums.table_bits < stage.sums.width
            });
            *noise = own.next().map(|stage| Noise {
                deviation: stage.table_variance.sqrt() * stage.sums.modulus as f64,
                scale: stage.sums.step_width,
            });
        }
    }

    /// All learned parameters, for an optimizer of one's own.
    pub fn vars(&self) -> Vec<Var> {
        self.named().into_values().collect()
    }

    /// All learned parameters by name.
    pub(super) fn named(&self) -> BTreeMap<String, Var> {
        let mut named = BTreeMap::new();
        for (layer, learned) in self.spec.layers.iter().zip(&self.learned) {
            let Some(learned) = learned else { continue };
            named.insert(format!("{}.weight", layer.name), learned.weight.clone());
            let others = [
                ("bias", &learned.bias),
                ("log_weight_scale", &learned.log_scale),
                ("log_gain", &learned.log_gain),
            ];
            for (kind, var) in others {
                if let Some(var) = var {
                    named.insert(format!("{}.{kind}", layer.name), var.clone());
                }
            }
        }
        for (scale, tensor) in self.scales.iter().zip(0..) {
            let learned = scale.as_ref().and_then(Scale::log);
            if let Some(var) = learned {
                // tensors of a group share one variable
                if !named.values().any(|known| known.id() == var.id()) {
                    named.insert(format!("{}.log_scale", self.name_of(tensor)), var.clone());
                }
            }
        }
        named
    }

    /// What a parameter of this name is learned in, in its own units: the period for the phases of a `Wave`.
    pub(super) fn unit_of(&self, name: &str) -> f64 {
        let layers = self.spec.layers.iter().enumerate();
        let mut phases = layers.filter(|&(index, layer)| {
            reads_wave(&self.spec, index) && name.strip_suffix(".bias") == Some(&*layer.name)
        });
        let linear = phases.next().and_then(|(_, layer)| layer.op.linear());
        linear.map_or(1.0, |linear| period(&linear))
    }

    /// The name of the field that makes a tensor.
    pub(super) fn name_of(&self, tensor: usize) -> &str {
        match tensor.checked_sub(1) {
            None => "input",
            Some(index) => &self.spec.layers[index].name,
        }
    }

    /// Whether the float network with the same weights computes nearly the same.
    pub(super) fn is_smooth(&self) -> bool {
        is_smooth(self.spec.layers.iter().map(|layer| &layer.op))
    }

    pub(super) fn not_calibrated(&self, tensor: usize) -> Failure {
        let error = TrainError::NotCalibrated {
            network: self.spec.name.to_string(),
            tensor: self.name_of(tensor).to_owned(),
        };
        error.into()
    }
}

/// The slopes of `Prelu` that PyTorch begins with. They are not learned here.
fn defaults(spec: &Spec) -> Result<Floats, Error> {
    let mut given = Floats::new();
    for layer in spec.layers.iter() {
        if matches!(&layer.op, Op::Activation(act) if act.function == Function::Prelu) {
            let slope = ArrayD::from_elem(vec![1], PRELU_SLOPE);
            given.insert(format!("{}.weight", layer.name), slope)?;
        }
    }
    Ok(given)
}

const PRELU_SLOPE: f32 = 0.25;
