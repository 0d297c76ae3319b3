//! A declaration with weights that are learned.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::result_of;
use fhe_nn_proof::plan::Plan;
use fhe_nn_proof::spec::{Op, Rounding, Spec, Tensor as Fact};
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::forward::{Forward, Mode, Scores};
use super::ops::Windows;
use super::parameters::Learned;
use crate::quantize::{Float, Groups, Own, Scales, fixed_meaning, reals};
use crate::{Calibration, Error, Floats};

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
    /// From the greatest weight of each channel: most integers are then small, and so is the noise of their sums, which may
    /// allow faster parameters.
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
    pub(super) functions: Vec<Own<'static>>,
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
    /// Whether it computes with integers.
    pub precision: Precision,
    /// Where the scales of weights come from.
    pub weight_scales: WeightScales,
    /// Whether integer weights are all 0 or powers of two: a product is then a shift.
    pub powers_of_two: bool,
    /// The part of each neuron's weights that is 0, from 0 to 1.
    pub pruned: f64,
    groups: Groups,
}

/// The noise of accumulators that tables read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation, in units of an accumulator of `scale` bits.
    pub(super) deviation: f64,
    /// Width of the accumulators whose step all ciphertexts have.
    pub(super) scale: u32,
}

/// How a tensor is scaled.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    /// Logarithm of the scale, `[1]`, learned or not.
    pub(super) log: Tensor,
    /// The scale itself, if it is not learned.
    given: Option<f32>,
    /// The scale is that of its group by this.
    pub(super) divisor: f64,
    /// The integer that stands for 0.
    pub(super) zero_point: i64,
    /// The same as `log`, if it is learned.
    pub(super) learned: Option<Var>,
}

impl Trainable {
    /// A module with random weights, which follow from the seed.
    ///
    /// # Errors
    /// [`ModelError::Flow`] for layers that do not fit together, and what candle reports.
    pub fn new(
        spec: &Spec,
        functions: Vec<Own<'static>>,
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
            given: Floats::new(),
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
            let learned = scale.as_ref().and_then(|scale| scale.learned.as_ref());
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

    pub(super) fn pass(
        &self,
        inputs: &Array2<f32>,
        mode: Mode,
        seed: u64,
    ) -> Result<Scores, Error> {
        Forward::new(self, mode, seed).run(&reals(&self.spec, inputs)?)
    }

    /// From now on, learns with the noise that a plan predicts for tables with approximate rounding: what is then learned
    /// bears that values move by a step. Exact tables have no noise. A plan is that of the network so far, as
    /// [`outcome`](Trainable::outcome) has it; without one there is no noise any more.
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
    /// Those of the samples, see [`crate::Network::quantize_with`];
    /// [`ModelError::AccumulatorBreaks`] for what does not keep a promise that only calibration can see.
    pub fn calibrate(&mut self, samples: &Array2<f32>) -> Result<(), Error> {
        let samples = reals(&self.spec, samples)?;
        self.find_scales(&samples)?;
        if self.precision == Precision::Integers {
            let mut forward = Forward::new(self, Mode::Calibrate, 0);
            forward.run(&samples)?;
            self.seen = forward.seen;
        }
        Ok(())
    }

    fn find_scales(&mut self, samples: &Array2<f64>) -> Result<(), Error> {
        self.find_input_scale(samples)?;
        let wanting =
            |tensor: &usize| self.scales[*tensor].is_none() && self.has_own_scale(*tensor);
        let wanting: Vec<usize> = (0..self.facts.len()).filter(wanting).collect();
        if wanting.is_empty() {
            return Ok(());
        }
        let floats = self.latent_scaled()?;
        let float = Float {
            spec: &self.spec,
            floats: &floats,
            functions: &self.functions,
        };
        let calibration = Calibration::default();
        let scales = Scales::find(&float, &self.facts, samples, &calibration)?;
        let reals = float.run(samples.clone())?;
        let found = wanting.iter().map(|&tensor| {
            let levels = self.facts[tensor].range;
            match &self.spec.layers[tensor - 1].op {
                Op::Embedding(embedding) => {
                    let name = format!("{}.weight", self.spec.layers[tensor - 1].name);
                    let shape = [embedding.vocabulary, embedding.dimension];
                    let vectors = float.tensor(&name, &shape)?;
                    Ok(scales.symmetric(tensor, &vectors, levels, &calibration))
                }
                _ => Ok(scales.of(tensor, &reals[tensor], levels, &calibration)),
            }
        });
        let found: Vec<Affine> = found.collect::<Result<_, Error>>()?;
        let groups = self.groups.shared();
        for (&tensor, meaning) in wanting.iter().zip(found) {
            let group = groups
                .iter()
                .find(|group| group.iter().any(|(root, _)| *root == tensor));
            self.scales[tensor] = Some(self.new_scale(tensor, meaning, group)?);
        }
        Ok(())
    }

    pub(super) fn find_input_scale(&mut self, samples: &Array2<f64>) -> Result<(), Error> {
        if self.scales[0].is_none() {
            let meaning = input_meaning(&self.spec, samples, &self.given)?;
            self.scales[0] = Some(Scale::fixed(meaning, &self.device)?);
        }
        Ok(())
    }

    /// The scale of a tensor: learned with those of its group, but where one of them is given.
    fn new_scale(
        &self,
        tensor: usize,
        meaning: Affine,
        group: Option<&Vec<(usize, f64)>>,
    ) -> Result<Scale, Error> {
        let Some(group) = group else {
            return Ok(Scale::learned(meaning, 1.0, &self.device)?);
        };
        let divisor = |wanted: usize| {
            let own = group.iter().find(|(root, _)| *root == wanted);
            own.map_or(1.0, |(_, divisor)| *divisor)
        };
        if group.iter().any(|&(root, _)| !self.has_own_scale(root)) {
            return Ok(Scale::fixed(meaning, &self.device)?);
        }
        let first = group
            .iter()
            .find_map(|&(root, _)| self.scales[root].as_ref());
        match first {
            // the same variable
            Some(first) => Ok(Scale {
                divisor: divisor(tensor),
                zero_point: meaning.zero_point,
                ..first.clone()
            }),
            None => Ok(Scale::learned(meaning, divisor(tensor), &self.device)?),
        }
    }

    /// Whether the float network of the same weights is near.
    pub(super) fn is_smooth(&self) -> bool {
        let mut ops = self.spec.layers.iter().map(|layer| &layer.op);
        !ops.any(|op| matches!(op, Op::Activation(act) if act.function.is_antiperiodic()))
    }

    /// Whether a tensor has a scale that may be learned: the results of a padded table, and vectors.
    fn has_own_scale(&self, tensor: usize) -> bool {
        let layer = tensor
            .checked_sub(1)
            .map(|index| &self.spec.layers[index].op);
        match layer {
            Some(Op::Activation(act)) => !act.function.is_antiperiodic(),
            Some(Op::Embedding(_)) => true,
            _ => false,
        }
    }

    /// What the integers of a tensor mean.
    pub(super) fn meaning(&self, tensor: usize) -> Result<Affine, Error> {
        if let Some(scale) = &self.scales[tensor] {
            return Ok(Affine {
                scale: f64::from(scale.tensor()?.to_vec1::<f32>()?[0]),
                zero_point: scale.zero_point,
            });
        }
        let Some(index) = tensor.checked_sub(1) else {
            return Err(self.not_calibrated(tensor));
        };
        match &self.spec.layers[index].op {
            Op::Activation(act) if act.function.is_antiperiodic() => Ok(fixed_meaning(act)),
            op => {
                let sources = self.spec.sources(index).into_iter();
                let meanings: Vec<Affine> = sources
                    .map(|source| self.meaning(source))
                    .collect::<Result<_, _>>()?;
                result_of(op, &meanings).ok_or_else(|| self.not_calibrated(tensor))
            }
        }
    }

    /// The scale of a tensor, of one element, and its logarithm.
    pub(super) fn scale(&self, tensor: usize) -> Result<(Tensor, Tensor), Error> {
        let scale = self.scales[tensor].as_ref();
        let scale = scale.ok_or_else(|| self.not_calibrated(tensor))?;
        Ok((scale.tensor()?, scale.log.clone()))
    }

    pub(super) fn not_calibrated(&self, tensor: usize) -> Error {
        Error::NotCalibrated {
            network: self.spec.name.to_string(),
            tensor: self.name_of(tensor).to_owned(),
        }
    }
}

impl Scale {
    fn fixed(meaning: Affine, device: &Device) -> Result<Self, Error> {
        Ok(Scale {
            log: Tensor::from_vec(vec![meaning.scale.ln() as f32], 1, device)?,
            given: Some(meaning.scale as f32),
            divisor: 1.0,
            zero_point: meaning.zero_point,
            learned: None,
        })
    }

    fn learned(meaning: Affine, divisor: f64, device: &Device) -> Result<Self, Error> {
        let log = Var::from_vec(vec![(meaning.scale * divisor).ln() as f32], 1, device)?;
        Ok(Scale {
            log: log.as_tensor().clone(),
            given: None,
            divisor,
            zero_point: meaning.zero_point,
            learned: Some(log),
        })
    }

    fn tensor(&self) -> candle_core::Result<Tensor> {
        match self.given {
            Some(scale) => Tensor::from_vec(vec![scale], 1, self.log.device()),
            None => self.log.exp()? / self.divisor,
        }
    }
}

/// What inputs mean: given, or by the samples.
fn input_meaning(spec: &Spec, samples: &Array2<f64>, given: &Floats) -> Result<Affine, Error> {
    let float = Float {
        spec,
        floats: given,
        functions: &[],
    };
    let facts = [spec.input.tensor()];
    if let Some(kept) = float.kept(0, facts[0].range)? {
        return Ok(kept);
    }
    if spec.input.tokens.is_some() {
        return Ok(Affine {
            scale: 1.0,
            zero_point: 0,
        });
    }
    let calibration = match spec.input.bits {
        1 => Calibration::MinMax,
        _ => Calibration::default(),
    };
    Ok(calibration.tensor(samples.iter(), facts[0].range))
}
