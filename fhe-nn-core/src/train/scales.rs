//! The scales of a module's tensors.

use candle_core::{Device, Tensor, Var};
use fhe_nn_proof::client::Affine;
use ndarray::Array2;

use super::error::Failure;
use super::parameters::reads_wave;
use super::signal::UNIT;
use super::trainable::Trainable;
use crate::quantize::{Scales, fixed_meaning};

/// The scale and zero point of a tensor.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    origin: Origin,
    /// The integer that stands for 0.
    pub(super) zero_point: i64,
}

/// Where a scale comes from.
#[derive(Debug, Clone)]
enum Origin {
    /// The scale is given and stays the same.
    Given(f32),
    /// The scale is learned, together with those of its group.
    Learned {
        /// Logarithm of the scale of the group, `[1]`.
        log: Var,
        /// The scale is that of the group, divided by this.
        divisor: f64,
    },
}

impl Trainable {
    /// Finds all scales that are not known yet over samples of the input in reals, `[samples, values]`.
    ///
    /// # Errors
    /// Those of the floats that are given.
    pub(super) fn find_scales(&mut self, samples: &Array2<f64>) -> Result<(), Failure> {
        for index in 0..self.spec.layers.len() {
            if reads_wave(&self.spec, index) {
                self.find_unit_of_wave(index, samples)?;
            }
        }
        self.find_scales_until(self.spec.layers.len(), samples)
    }

    /// Finds the scale of what a layer adds up whose sums a `Wave` reads. Its weights are in units of integers, so it must be
    /// known before they mean anything.
    ///
    /// # Errors
    /// Those of [`Trainable::find_scales`].
    pub(super) fn find_unit_of_wave(
        &mut self,
        index: usize,
        samples: &Array2<f64>,
    ) -> Result<(), Failure> {
        let source = self.spec.sources(index)[0];
        if self.meaning(source).is_ok() {
            return Ok(());
        }
        self.find_scales_until(source, samples)
    }

    /// Finds the scales that are not known yet of tensors up to `last`.
    fn find_scales_until(&mut self, last: usize, samples: &Array2<f64>) -> Result<(), Failure> {
        let unknown =
            |tensor: &usize| self.scales[*tensor].is_none() && self.has_own_scale(*tensor);
        let unknown: Vec<usize> = (0..self.facts.len()).filter(unknown).collect();
        let wanting: Vec<usize> = unknown.iter().copied().filter(|&own| own <= last).collect();
        if wanting.is_empty() {
            return Ok(());
        }
        // what lies behind does not matter, but has to be something
        for &tensor in &unknown {
            self.scales[tensor] = Some(Scale::fixed(UNIT));
        }
        let floats = self.latent_reals();
        for &tensor in &unknown {
            self.scales[tensor] = None;
        }
        let mut floats = floats?;
        self.insert_scales(&mut floats)?;
        let float = self.with(&floats);
        let calibration = self.calibration;
        let known = &self.facts[..self.facts.len().min(last + 1)];
        let scales = Scales::find(&float, known, samples, &calibration)?;
        let reals = float.run(samples.clone())?;
        let found = wanting.iter().map(|&tensor| {
            let levels = self.facts[tensor].range;
            if self.spec.layers[tensor - 1].op.vectors().is_none() {
                return Ok(scales.of(tensor, &reals[tensor], levels, &calibration));
            }
            let vectors = float.vectors(tensor - 1)?;
            Ok(scales.symmetric(tensor, &vectors, levels, &calibration))
        });
        let found: Vec<Affine> = found.collect::<Result<_, Failure>>()?;
        let groups = self.groups.shared();
        for (&tensor, meaning) in wanting.iter().zip(found) {
            let group = groups
                .iter()
                .find(|group| group.iter().any(|(root, _)| *root == tensor));
            self.scales[tensor] = Some(self.new_scale(tensor, meaning, group)?);
        }
        Ok(())
    }

    /// Makes the scale of a tensor, which is learned together with those of its group unless one of them is
    /// given.
    fn new_scale(
        &self,
        tensor: usize,
        meaning: Affine,
        group: Option<&Vec<(usize, f64)>>,
    ) -> Result<Scale, Failure> {
        let Some(group) = group else {
            return Scale::learned(meaning, 1.0, &self.device);
        };
        let own = group.iter().find(|(root, _)| *root == tensor);
        let divisor = own.map_or(1.0, |(_, divisor)| *divisor);
        if group.iter().any(|&(root, _)| !self.has_own_scale(root)) {
            return Ok(Scale::fixed(meaning));
        }
        // tensors of a group share one variable
        let mut known = group
            .iter()
            .filter_map(|&(root, _)| self.scales[root].as_ref()?.log());
        match known.next() {
            Some(log) => Ok(Scale {
                origin: Origin::Learned {
                    log: log.clone(),
                    divisor,
                },
                zero_point: meaning.zero_point,
            }),
            None => Scale::learned(meaning, divisor, &self.device),
        }
    }

    /// Whether a tensor has a scale that may be learned: the results of a padded table, and vectors.
    pub(super) fn has_own_scale(&self, tensor: usize) -> bool {
        let layer = tensor
            .checked_sub(1)
            .map(|index| &self.spec.layers[index].op);
        layer.is_some_and(|op| {
            let act = op.activation();
            act.is_some_and(|act| !act.function.is_antiperiodic()) || op.vectors().is_some()
        })
    }

    /// The meaning of a tensor's integers.
    pub(crate) fn meaning(&self, tensor: usize) -> Result<Affine, Failure> {
        if let Some(scale) = &self.scales[tensor] {
            return Ok(Affine {
                scale: f64::from(scale.tensor(&self.device)?.to_vec1::<f32>()?[0]),
                zero_point: scale.zero_point,
            });
        }
        let Some(index) = tensor.checked_sub(1) else {
            return Err(self.not_calibrated(tensor));
        };
        let op = &self.spec.layers[index].op;
        if let Some(act) = op.activation().filter(|act| act.function.is_antiperiodic()) {
            return Ok(fixed_meaning(act));
        }
        let sources = self.spec.sources(index).into_iter();
        let meanings: Vec<Affine> = sources
            .map(|source| self.meaning(source))
            .collect::<Result<_, _>>()?;
        let meaning = op.meaning(&meanings);
        meaning.ok_or_else(|| self.not_calibrated(tensor))
    }

    /// The scale of a tensor that has one of its own.
    pub(crate) fn scale(&self, tensor: usize) -> Result<&Scale, Failure> {
        let scale = self.scales[tensor].as_ref();
        scale.ok_or_else(|| self.not_calibrated(tensor))
    }
}

impl Scale {
    pub(super) fn fixed(meaning: Affine) -> Self {
        Scale {
            origin: Origin::Given(meaning.scale as f32),
            zero_point: meaning.zero_point,
        }
    }

    fn learned(meaning: Affine, divisor: f64, device: &Device) -> Result<Self, Failure> {
        let log = Var::from_vec(vec![(meaning.scale * divisor).ln() as f32], 1, device)?;
        Ok(Scale {
            origin: Origin::Learned { log, divisor },
            zero_point: meaning.zero_point,
        })
    }

    /// The scale as a tensor of one element.
    pub(crate) fn tensor(&self, device: &Device) -> candle_core::Result<Tensor> {
        match &self.origin {
            Origin::Given(scale) => Tensor::from_vec(vec![*scale], 1, device),
            Origin::Learned { log, divisor } => log.exp()? / *divisor,
        }
    }

    /// Logarithm of the scale of its group, if it is learned.
    pub(super) fn log(&self) -> Option<&Var> {
        match &self.origin {
            Origin::Given(_) => None,
            Origin::Learned { log, .. } => Some(log),
        }
    }
}
