//! Floats of a module: those that quantize to its integers, and the latent ones behind them.

use candle_core::Tensor;
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::LinearSpec;
use fhe_nn_proof::widths::Range;
use ndarray::{ArrayD, ArrayView2, IxDyn};

use super::error::{Failure, tensor_operation};
use super::integers::array;
use super::parameters::{Learned, log_scales, reads_wave};
use super::trainable::{Precision, Trainable};
use crate::quantize::{Clamp, Float, lost, period, wave_unit, weight_shape};
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

    /// Loads trained floats, named as for [`Network::quantize_with`](crate::Network::quantize_with), to train them
    /// further. Training then begins with the accuracy of post-training quantization. Scales that are not among the
    /// floats are found from the samples.
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`.
    ///
    /// # Errors
    /// Those of [`Network::quantize_with`](crate::Network::quantize_with).
    pub fn load(&mut self, floats: &Floats, samples: ArrayView2<'_, f32>) -> Result<(), Error> {
        Ok(self.set_floats(floats, samples)?)
    }

    /// Sets learned and given floats, and calibrates.
    ///
    /// # Errors
    /// Those of [`Trainable::load`].
    fn set_floats(&mut self, floats: &Floats, samples: ArrayView2<'_, f32>) -> Result<(), Failure> {
        let mut given = Floats::new();
        let learns = |name: &str| {
            let (layer, tensor) = name.rsplit_once('.').unwrap_or((name, ""));
            let index = self.spec.layers.iter().position(|own| own.name == layer);
            matches!(tensor, "weight" | "bias" | "weight_scale")
                && index.is_some_and(|index| self.learned[index].is_some())
        };
        for (name, tensor) in floats.iter().filter(|(name, _)| !learns(name)) {
            given.insert(name, tensor.clone())?;
        }
        self.given = given;
        self.scales.fill(None);
        self.several = Vec::new();
        self.drop_clamps_of_scales()?;
        let found = self.given().quantized_input(self.input_reals(samples)?)?;
        self.find_input_scale(&found)?;
        let float = Float {
            spec: &self.spec,
            floats,
            functions: &self.functions,
        };
        let shifts = self.shifts(&float)?;
        for index in 0..self.spec.layers.len() {
            let layer = &self.spec.layers[index];
            let Some(learned) = &self.learned[index] else {
                continue;
            };
            let Some(linear) = layer.op.linear() else {
                let vectors =
                    float.tensor(&format!("{}.weight", layer.name), learned.weight.dims())?;
                learned
                    .weight
                    .set(&self.tensor(vectors.iter().copied(), learned.weight.dims())?)?;
                continue;
            };
            let (mut weights, mut bias) = float.linear(&layer.name, &linear)?;
            if self.spec.sources(index)[0] == 0 && !shifts.is_empty() {
                for (bias, weights) in bias.iter_mut().zip(weights.rows()) {
                    *bias += lost(weights, &shifts);
                }
            }
            if let Some(factors) = self.factors(index, linear.taps)? {
                for (mut column, factor) in weights.columns_mut().into_iter().zip(factors) {
                    column *= factor;
                }
            }
            if reads_wave(&self.spec, index) {
                let input = self.meaning(self.spec.sources(index)[0])?;
                let (unit, encoder) = (wave_unit(&linear), self.encoder(index, input));
                weights *= input.scale / unit;
                bias /= unit;
                for (bias, row) in bias.iter_mut().zip(weights.rows()) {
                    let row = row.into_iter().enumerate();
                    let centre =
                        row.map(|(tap, w)| w * encoder.zero_point(tap, linear.taps) as f64);
                    *bias -= centre.sum::<f64>();
                    *bias /= period(&linear);
                }
            }
            learned
                .weight
                .set(&self.tensor(weights.iter().copied(), learned.weight.dims())?)?;
            if let Some(own) = &learned.bias {
                own.set(&self.tensor(bias.iter().copied(), own.dims())?)?;
            }
            if let Some(log) = &learned.log_gain {
                log.set(&log.zeros_like()?)?;
            }
            if let Some(log) = &learned.log_scale {
                let kept = float.kept_weight_scales(index, &linear, &self.calibration)?;
                log.set(&match kept {
                    Some(kept) => {
                        let unit = self.unit_of_scales(index)?;
                        self.tensor(kept.iter().map(|scale| (scale / unit).ln()), log.dims())?
                    }
                    None => log_scales(&learned.weight, linear.weights)?
                        .as_tensor()
                        .clone(),
                })?;
            }
        }
        Ok(self.calibrate(samples)?)
    }

    /// Real value of a scale of 1 of the weights of layer `index`, in the units in which floats have it.
    fn unit_of_scales(&self, index: usize) -> Result<f64, Failure> {
        if self.factors(index, 1)?.is_none() {
            return Ok(1.0);
        }
        Ok(self.meaning(0)?.scale)
    }

    /// The layers that have learned parameters, with their indices.
    fn with_weights(&self) -> impl Iterator<Item = (usize, &Learned)> {
        let learned = self.learned.iter().enumerate();
        learned.filter_map(|(index, learned)| Some((index, learned.as_ref()?)))
    }

    fn tensor(
        &self,
        values: impl Iterator<Item = f64>,
        shape: &[usize],
    ) -> candle_core::Result<Tensor> {
        let values: Vec<f32> = values.map(|x| x as f32).collect();
        Tensor::from_vec(values, shape, &self.device)
    }

    /// What is not learned, as the quantizer reads it.
    pub(super) fn given(&self) -> Float<'_> {
        Float {
            spec: &self.spec,
            floats: &self.given,
            functions: &self.functions,
        }
    }

    /// Drops clamps that are the ends of the levels of a kept scale: they go on following the scale, which is
    /// learned.
    fn drop_clamps_of_scales(&mut self) -> Result<(), Failure> {
        for (tensor, fact) in self.facts.iter().enumerate().skip(1) {
            let given = self.given();
            let clamp = given.clamp(tensor)?;
            let Some(clamp) = clamp.filter(|_| self.has_own_scale(tensor)) else {
                continue;
            };
            let kept = given.kept(tensor, fact.range, &self.calibration)?;
            let follows = kept.is_some_and(|meaning| {
                let ends = clamp_of(meaning, fact.range);
                let near = |a: f64, b: f64| (a - b).abs() < meaning.scale / 2.0;
                near(ends.lo, clamp.lo) && near(ends.hi, clamp.hi)
            });
            if follows {
                let name = format!("{}.clamp", self.name_of(tensor));
                self.given.take(&name);
            }
        }
        Ok(())
    }

    fn insert_scales(&self, floats: &mut Floats) -> Result<(), Failure> {
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
fn clamp_of(meaning: Affine, levels: Range) -> Clamp {
    Clamp {
        lo: meaning.real(levels.lo),
        hi: meaning.real(levels.hi),
    }
}

fn insert(
    floats: &mut Floats,
    name: String,
    shape: &[usize],
    values: Vec<f32>,
) -> Result<(), Error> {
    let tensor =
        ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape has");
    floats.insert(name, tensor)
}
