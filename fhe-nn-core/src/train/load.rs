//! Trained floats that a module begins with.

use candle_core::Tensor;
use ndarray::ArrayView2;

use super::error::Failure;
use super::floats::clamp_of;
use super::parameters::{log_scales, reads_wave};
use super::trainable::Trainable;
use crate::quantize::{lost, period, wave_unit};
use crate::{Error, Floats};

impl Trainable {
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
        let inputs = self.find_input(samples)?;
        let shifts = self.shifts(&self.with(floats))?;
        for index in 0..self.spec.layers.len() {
            if reads_wave(&self.spec, index) {
                self.find_unit_of_wave(index, &inputs)?;
            }
            let float = self.with(floats);
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

    fn tensor(
        &self,
        values: impl Iterator<Item = f64>,
        shape: &[usize],
    ) -> candle_core::Result<Tensor> {
        let values: Vec<f32> = values.map(|x| x as f32).collect();
        Tensor::from_vec(values, shape, &self.device)
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
}
