//! Floats of a module: those that quantize to its integers, and the latent ones behind them.

use candle_core::Tensor;
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::LinearSpec;
use fhe_nn_proof::widths::Range;
use ndarray::{ArrayD, IxDyn};

use super::error::{Failure, tensor_operation};
use super::integers::array;
use super::parameters::{Learned, reads_wave};
use super::trainable::{Precision, Trainable};
use crate::quantize::{Clamp, Float, period, wave_unit, weight_shape};
use crate::{Error, Floats};

impl Trainable {
    /// Floats that quantize to the integers of this module if the samples are those of the last calibration: weights
    /// are integers times their scale, and the scales are beside them.
    ///
    /// # Errors
    /// [`TrainError::NotCalibrated`](super::TrainError::NotCalibrated), and [`Error::TensorNotFinite`] after a training that diverged.
    pub fn floats(&self) -> Result<Floats, Error> {
        let mut floats = self.given.clone();
        for (index, _) in self.with_weights() {
            let layer = &self.spec.layers[index];
            let Some(linear) = layer.op.linear() else {
                let (vectors, scale) = (self.vectors(index)?, self.meaning(index + 1)?.scale);
                let integers = vectors.flatten_all().and_then(|all| all.to_vec1::<f32>());
                let integers = integers.map_err(tensor_operation)?;
                let reals = integers.iter().map(|&q| (f64::from(q) * scale) as f32);
                insert(
                    &mut floats,
                    format!("{}.weight", layer.name),
                    vectors.dims(),
                    reals.collect(),
                )?;
                continue;
            };
            let input = self.meaning(self.spec.sources(index)[0])?;
            let (integers, scale) = self.integers(index, &self.place(index, &linear))?;
            let integers = array(&integers)?;
            let scales = self.unit_of_weights(index, &linear, &scale, input)?;
            let factors = self.factors(index, linear.taps)?;
            let factor = |tap: usize| factors.as_ref().map_or(1.0, |factors| factors[tap]);
            let weights = integers.indexed_iter();
            let weights =
                weights.map(|((j, tap), &w)| (f64::from(w) * scales[j] / factor(tap)) as f32);
            let name = &layer.name;
            insert(
                &mut floats,
                format!("{name}.weight"),
                &weight_shape(&linear),
                weights.collect(),
            )?;
            let encoder = self.encoder(index, input);
            let biases = self.biases(index, &linear, &integers, &encoder)?;
            // the quantizer counts in units of what the layer reads
            let unit = input.scale / encoder.unit();
            let (count, scales) = (
                [linear.channels],
                scales.iter().map(|&scale| (scale * unit) as f32),
            );
            insert(
                &mut floats,
                format!("{name}.bias"),
                &count,
                biases.iter().map(|&b| b as f32).collect(),
            )?;
            insert(
                &mut floats,
                format!("{name}.weight_scale"),
                &count,
                scales.collect(),
            )?;
        }
        self.insert_scales(&mut floats)?;
        Ok(floats)
    }

    /// The latent floats, in which no weight is rounded: the weights of the float network of the same shape. If integers
    /// were trained, the scales of values are beside them.
    ///
    /// # Errors
    /// Those of [`Trainable::floats`].
    pub fn latent(&self) -> Result<Floats, Error> {
        Ok(match self.precision {
            Precision::Integers => self.latent_scaled()?,
            // the scales belong to the weights that the training began with
            Precision::Float => self.latent_reals()?,
        })
    }

    /// The latent floats with all known scales.
    pub(super) fn latent_scaled(&self) -> Result<Floats, Failure> {
        let mut floats = self.latent_reals()?;
        self.insert_scales(&mut floats)?;
        Ok(floats)
    }

    pub(super) fn latent_reals(&self) -> Result<Floats, Failure> {
        let mut floats = self.given.clone();
        for (index, learned) in self.with_weights() {
            let layer = &self.spec.layers[index];
            let Some(linear) = layer.op.linear() else {
                let weight = &learned.weight;
                let values = weight.flatten_all()?.to_vec1()?;
                insert(
                    &mut floats,
                    format!("{}.weight", layer.name),
                    weight.dims(),
                    values,
                )?;
                continue;
            };
            let (weight, bias) = self.reals(index, &linear)?;
            let values = weight.flatten_all()?.to_vec1()?;
            insert(
                &mut floats,
                format!("{}.weight", layer.name),
                &weight_shape(&linear),
                values,
            )?;
            insert(
                &mut floats,
                format!("{}.bias", layer.name),
                &[linear.channels],
                bias.to_vec1()?,
            )?;
        }
        Ok(floats)
    }

    /// Weights, `[channels, taps]`, and biases of a layer, in reals.
    pub(super) fn reals(
        &self,
        index: usize,
        linear: &LinearSpec,
    ) -> Result<(Tensor, Tensor), Failure> {
        let learned = self.learned(index)?;
        let bias = learned.bias.as_ref().ok_or(ModelError::PartMissing)?;
        let (weight, bias) = (learned.weight.as_tensor(), bias.as_tensor());
        let real = |weight: Tensor| -> Result<Tensor, Failure> {
            let Some(factors) = self.factors(index, linear.taps)? else {
                return Ok(weight);
            };
            let factors: Vec<f32> = factors.into_iter().map(|factor| factor as f32).collect();
            let factors = Tensor::from_vec(factors, (1, linear.taps), &self.device)?;
            Ok(weight.broadcast_div(&factors)?)
        };
        if !reads_wave(&self.spec, index) {
            let weight = match &learned.log_gain {
                Some(log) => weight.broadcast_mul(&log.detach().exp()?)?,
                None => weight.clone(),
            };
            return Ok((real(weight)?, bias.clone()));
        }
        let input = self.meaning(self.spec.sources(index)[0])?;
        let unit = wave_unit(linear);
        let encoder = self.encoder(index, input);
        let zeros = (0..linear.taps).map(|tap| encoder.zero_point(tap, linear.taps) as f32);
        let zeros = Tensor::from_vec(zeros.collect::<Vec<f32>>(), (linear.taps, 1), &self.device)?;
        let centre = weight.matmul(&zeros)?.flatten_all()?;
        let weight = real((weight * (unit / input.scale))?)?;
        let bias = (bias * period(linear))?;
        Ok((weight, ((bias + centre)? * unit)?))
    }

    /// The layers that have learned parameters, with their indices.
    fn with_weights(&self) -> impl Iterator<Item = (usize, &Learned)> {
        let learned = self.learned.iter().enumerate();
        learned.filter_map(|(index, learned)| Some((index, learned.as_ref()?)))
    }

    /// What is not learned, as the quantizer reads it.
    pub(super) fn given(&self) -> Float<'_> {
        self.with(&self.given)
    }

    /// The declaration with these floats.
    pub(super) fn with<'a>(&'a self, floats: &'a Floats) -> Float<'a> {
        Float {
            spec: &self.spec,
            floats,
            functions: &self.functions,
        }
    }

    pub(super) fn insert_scales(&self, floats: &mut Floats) -> Result<(), Failure> {
        for (tensor, scale) in self.scales.iter().enumerate() {
            let Some(scale) = scale else { continue };
            if tensor == 0 && !self.several.is_empty() {
                let (scales, zeros): (Vec<f32>, Vec<f32>) = self
                    .several
                    .iter()
                    .map(|affine| (affine.scale as f32, affine.zero_point as f32))
                    .unzip();
                let count = [scales.len()];
                insert(floats, "input.scale".to_owned(), &count, scales)?;
                insert(floats, "input.zero_point".to_owned(), &count, zeros)?;
                continue;
            }
            let meaning = self.meaning(tensor)?;
            let name = self.name_of(tensor);
            insert(
                floats,
                format!("{name}.scale"),
                &[1],
                vec![meaning.scale as f32],
            )?;
            insert(
                floats,
                format!("{name}.zero_point"),
                &[1],
                vec![scale.zero_point as f32],
            )?;
            if tensor > 0 && self.spec.layers[tensor - 1].op.activation().is_some() {
                let given = self.given().clamp(tensor)?;
                let ends = clamp_of(meaning, self.facts[tensor].range);
                let clamp = given.map_or(ends, |given| given.within(ends));
                insert(
                    floats,
                    format!("{name}.clamp"),
                    &[2],
                    vec![clamp.lo as f32, clamp.hi as f32],
                )?;
            }
        }
        Ok(())
    }
}

/// The reals of the least and the greatest level.
pub(super) fn clamp_of(meaning: Affine, levels: Range) -> Clamp {
    Clamp {
        lo: meaning.real(levels.lo),
        hi: meaning.real(levels.hi),
    }
}

pub(super) fn insert(
    floats: &mut Floats,
    name: String,
    shape: &[usize],
    values: Vec<f32>,
) -> Result<(), Error> {
    let tensor =
        ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape has");
    floats.insert(name, tensor)
}
