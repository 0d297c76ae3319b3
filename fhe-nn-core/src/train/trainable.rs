//! A declaration with weights that are learned.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::plan::Plan;
use fhe_nn_proof::spec::{Function, Op, Rounding, Spec, Tensor as Fact};
use fhe_nn_proof::widths::Range;
use ndarray::{Array2, ArrayD};

use super::forward::{Forward, Mode, Scores};
use super::ops::Windows;
use super::parameters::Learned;
use super::scales::Scale;
use crate::quantize::{CustomFn, Groups, reals};
use crate::{Error, Floats};

/// What a module computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// With the integers of the quantized network.
    #[default]
    Integers,
    /// With reals, as the float network of the same shape: no weight, value or table is rounded.
    Float,
}

/// Where the scales of weights come from, one for each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightScales {
    /// They are learned: the greatest accuracy at few bits.
    #[default]
    Learned,
    /// From the greatest weight of each channel: most integers are then small, and so is the noise of their sums,
    /// which may allow faster parameters.
    Greatest,
}

/// A declaration with weights that are learned.
///
/// It computes with reals or with the integers of the quantized network: the same weights, at the declared
/// widths, the same tables, wrapped and dropped bits, and the same encoded inputs. Scales are learned with
/// the weights (Esser et al. 2020, "Learned Step Size Quantization"). Promised accumulators are kept in every
/// step. What calibration has to find (scales of inputs and of results, widths of `calibrated` accumulators)
/// it finds over samples, once before training and again whenever [`calibrate`](Trainable::calibrate) is called.
pub struct Trainable {
    pub(super) spec: Spec,
    pub(super) functions: Vec<CustomFn<'static>>,
    pub(super) device: Device,
    /// Of every tensor: what it is before any weights are known.
    pub(super) facts: Vec<Fact>,
    /// Of every layer, what is learned of it.
    pub(super) learned: Vec<Option<Learned>>,
    /// Of every layer, where its windows look.
    pub(super) windows: Vec<Option<Windows>>,
    /// Of every tensor, how it is scaled, if its scale is its own.
    pub(super) scales: Vec<Option<Scale>>,
    /// Of every layer with weights, what its accumulators were over the samples, without phases.
    pub(super) seen: Vec<Option<Vec<Range>>>,
    /// Of every layer, the noise that its tables read with.
    pub(super) noise: Vec<Option<Noise>>,
    /// Parameters of activations, which are not learned.
    pub(super) given: Floats,
    /// Whether it computes with integers. A module that was trained in floating point has none of their scales: its
    /// [`latent`](Trainable::latent) floats are loaded into another one.
    pub precision: Precision,
    /// Where the scales of weights come from.
    pub weight_scales: WeightScales,
    /// Whether integer weights are all 0 or powers of two: a product is then a shift.
    pub powers_of_two: bool,
    /// The part of each neuron's weights that is 0, from 0 to 1.
    pub pruned: f64,
    pub(super) groups: Groups,
}

/// The noise of accumulators that tables read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation, in units of an accumulator of `scale` bits.
    pub(super) deviation: f64,
    /// Width of the accumulators whose step all ciphertexts have.
    pub(super) scale: u32,
}

impl Trainable {
    /// A module with random weights, which follow from the seed.
    ///
    /// # Errors
    /// [`ModelError::Flow`] for layers that do not fit together, and what candle reports.
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
                .collect::<Result<_, _>>()?,
            windows: layers.clone().map(window).collect::<Result<_, _>>()?,
            scales: vec![None; facts.len()],
            noise: layers.clone().map(|_| None).collect(),
            seen: layers.map(|_| None).collect(),
            groups: Groups::of(spec)?,
            given: defaults(spec)?,
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

    /// The declaration.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Everything that is learned.
    pub fn vars(&self) -> Vec<Var> {
        self.named().into_values().collect()
    }

    /// Everything that is learned, by name.
    pub(super) fn named(&self) -> BTreeMap<String, Var> {
        let mut named = BTreeMap::new();
        for (layer, learned) in self.spec.layers.iter().zip(&self.learned) {
            let Some(learned) = learned else { continue };
            named.insert(format!("{}.weight", layer.name), learned.weight.clone());
            let others = [
                ("bias", &learned.bias),
                ("log_weight_scale", &learned.log_scale),
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
                // the same variable of a whole group
                if !named.values().any(|known| known.id() == var.id()) {
                    named.insert(format!("{}.log_scale", self.name_of(tensor)), var.clone());
                }
            }
        }
        named
    }

    /// The name of the field that makes a tensor.
    pub(super) fn name_of(&self, tensor: usize) -> &str {
        match tensor.checked_sub(1) {
            None => "input",
            Some(index) => &self.spec.layers[index].name,
        }
    }

    /// The scores in reals, `[inputs, scores]`, of inputs in reals, `[inputs, values of one input]`: those of the
    /// quantized network, or of the float one.
    ///
    /// # Errors
    /// [`Error::NotCalibrated`], those of the inputs, and what candle reports.
    pub fn scores(&self, inputs: &Array2<f32>) -> Result<Tensor, Error> {
        Ok(self.pass(inputs, Mode::Exact, 0)?.reals)
    }

    /// The integers behind the scores, `[inputs, scores]`.
    ///
    /// # Errors
    /// Those of [`Trainable::scores`].
    pub fn integers_of(&self, inputs: &Array2<f32>) -> Result<Tensor, Error> {
        Ok(self.pass(inputs, Mode::Exact, 0)?.integers)
    }

    /// The scores to learn from, `[inputs, scores]`, with gradients to [`vars`](Trainable::vars), for a loop of
    /// one's own; and what is to be added to the loss, so that calibrated accumulators keep their widths. Noise
    /// follows from the seed.
    ///
    /// # Errors
    /// Those of [`Trainable::scores`].
    pub fn learn(
        &self,
        inputs: &Array2<f32>,
        seed: u64,
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let scores = self.pass(inputs, Mode::Train, seed)?;
        Ok((scores.reals, scores.overflow))
    }

    pub(super) fn pass(
        &self,
        inputs: &Array2<f32>,
        mode: Mode,
        seed: u64,
    ) -> Result<Scores, Error> {
        Forward::new(self, mode, seed).run(&reals(&self.spec, inputs.view())?)
    }

    /// From now on, learns with the noise that a plan predicts for tables with approximate rounding: what is then
    /// learned bears that values move by a step. Exact tables have no noise. A plan is that of the network so far,
    /// as [`outcome`](Trainable::outcome) has it; without one there is no noise any more.
    pub fn learn_with_noise(&mut self, plan: Option<&Plan>) {
        for (layer, noise) in self.spec.layers.iter().zip(&mut self.noise) {
            let stages = plan.map_or(&[][..], |plan| &plan.stages).iter();
            let mut own = stages.filter(|stage| {
                stage.lookup == layer.name
                    && stage.rounding == Rounding::Approximate
                    && stage.table < stage.width
            });
            *noise = own.next().map(|stage| Noise {
                deviation: stage.table_variance.sqrt() * stage.modulus as f64,
                scale: stage.scale,
            });
        }
    }

    /// Finds over samples what is not learned: scales where there are none yet, and the widths of `calibrated`
    /// accumulators. Quantization with the same samples finds the same.
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`.
    ///
    /// # Errors
    /// Those of the samples, see [`crate::Network::quantize_with`]. Accumulators that leave a `calibrated` width are
    /// none: training goes on with them, and in the end the quantizer refuses what still does.
    pub fn calibrate(&mut self, samples: &Array2<f32>) -> Result<(), Error> {
        let samples = reals(&self.spec, samples.view())?;
        self.find_scales(&samples)?;
        if self.precision == Precision::Integers {
            let mut forward = Forward::new(self, Mode::Calibrate, 0);
            forward.run(&samples)?;
            self.seen = forward.seen;
        }
        Ok(())
    }

    /// Whether the float network of the same weights is near.
    pub(super) fn is_smooth(&self) -> bool {
        let mut ops = self.spec.layers.iter().map(|layer| &layer.op);
        !ops.any(|op| matches!(op, Op::Activation(act) if act.function.is_antiperiodic()))
    }

    pub(super) fn not_calibrated(&self, tensor: usize) -> Error {
        Error::NotCalibrated {
            network: self.spec.name.to_string(),
            tensor: self.name_of(tensor).to_owned(),
        }
    }
}

/// What PyTorch begins with where nothing is given: slopes of `Prelu`, which are not learned here.
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
