//! The integers of a layer with weights, from its learned parameters.

use candle_core::{DType, Tensor};
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::encoder::Encoder;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{Function, LinearSpec, Overflow};
use fhe_nn_proof::widths::{Range, max_weight};
use ndarray::Array2;

use super::error::Failure;
use super::ops::{linearized, rounded, straight_through};
use super::parameters::{LEAST_SCALE, Learned, reads_wave};
use super::trainable::{Trainable, WeightScales};
use super::weights::{Promise, Rule};
use crate::parallel::*;
use crate::quantize::{Place, period, wave_unit};

impl Trainable {
    /// A layer with weights, as the quantizer has it.
    pub(super) fn place<'a>(&'a self, index: usize, linear: &'a LinearSpec) -> Place<'a> {
        Place {
            name: &self.spec.layers[index].name,
            linear,
            reader: self.spec.reader(index),
            // calibration has nothing to find or to correct
            preset: None,
            corrects_bias: false,
        }
    }

    /// The range of the values that layer `index` reads first.
    pub(super) fn levels(&self, index: usize) -> Range {
        self.facts[self.spec.sources(index)[0]].range
    }

    /// Whether a tensor has sums modulo a power of two.
    pub(super) fn wraps(&self, tensor: usize) -> bool {
        let layer = tensor.checked_sub(1).map(|index| &self.spec.layers[index]);
        let linear = layer.and_then(|layer| layer.op.linear());
        linear.is_some_and(|linear| linear.overflow == Overflow::Wrap)
    }

    pub(crate) fn learned(&self, index: usize) -> Result<&Learned, Failure> {
        Ok(self.learned[index]
            .as_ref()
            .ok_or(ModelError::PartMissing)?)
    }

    /// The integer weights of a layer, `[channels, taps]`, and the real value of one unit of each channel's weights,
    /// `[channels, 1]`.
    pub(super) fn integers(
        &self,
        index: usize,
        place: &Place<'_>,
    ) -> Result<(Tensor, Tensor), Failure> {
        let learned = self.learned(index)?;
        let (channels, taps) = learned.weight.dims2()?;
        let (latent, scale) = match self.scale_of_weights(index, place.linear.weights)? {
            Some(scale) => (learned.weight.broadcast_div(&scale)?, scale),
            None => (
                learned.weight.as_tensor().clone(),
                Tensor::ones((channels, 1), DType::F32, &self.device)?,
            ),
        };
        let rule = self.rule(place, self.levels(index));
        let values = latent.flatten_all()?.to_vec1::<f32>()?;
        let mut integers = vec![0.0; values.len()];
        let rows = integers.par_chunks_exact_mut(taps).enumerate();
        rows.for_each(|(channel, row)| {
            let own = rule.integers(&values[channel * taps..(channel + 1) * taps]);
            row.iter_mut().zip(own).for_each(|(to, w)| *to = w as f32);
        });
        let max = rule.max as f32;
        // weights beyond the greatest integer are cut, and do not learn
        let slopes = values.iter().map(|w| f32::from(w.abs() <= max));
        let tensor = |values| Tensor::from_vec(values, (channels, taps), &self.device);
        let (integers, slopes) = (tensor(integers)?, tensor(slopes.collect())?);
        let scale = match &learned.log_gain {
            Some(log) => scale.broadcast_mul(&log.exp()?)?,
            None => scale,
        };
        Ok((linearized(integers, &slopes, &latent)?, scale))
    }

    fn rule(&self, place: &Place<'_>, levels: Range) -> Rule {
        let linear = place.linear;
        Rule {
            max: max_weight(linear.weights),
            powers_of_two: self.powers_of_two,
            pruned: self.pruned,
            promise: (linear.overflow == Overflow::Checked).then(|| Promise {
                inputs: levels,
                sums: Range::signed(self.width(place, levels)),
            }),
        }
    }

    /// The width that sums without constants are held to.
    pub(super) fn width(&self, place: &Place<'_>, levels: Range) -> u32 {
        // the threshold of a sign may take one bit
        let sign = place
            .reader
            .is_some_and(|act| act.function == Function::Sign);
        let width = place.limit(levels) - u32::from(sign);
        place.linear.accumulator.min(width).max(2)
    }

    /// Whether `calibrated` accumulators kept their widths over the samples of the last calibration.
    pub(super) fn keeps_promises(&self) -> bool {
        let seen = self.seen.iter().enumerate();
        seen.filter_map(|(index, seen)| Some((index, seen.as_ref()?)))
            .all(|(index, seen)| {
                let Some(linear) = self.spec.layers[index].op.linear() else {
                    return true;
                };
                let width = self.width(&self.place(index, &linear), self.levels(index));
                linear.overflow != Overflow::Calibrated
                    || seen.iter().all(|range| range.signed_bits() <= width)
            })
    }

    /// The integers of a table of vectors, `[vocabulary, dimension]`.
    pub(crate) fn vectors(&self, index: usize) -> Result<Tensor, Failure> {
        let bits = self.spec.layers[index].op.weights();
        let max = max_weight(bits.ok_or(ModelError::PartMissing)?) as f64;
        let latent = self
            .learned(index)?
            .weight
            .broadcast_div(&self.scale(index + 1)?.tensor(&self.device)?)?;
        let latent = latent.clamp(-max, max)?;
        Ok(straight_through(&latent, &rounded(&latent)?)?)
    }

    /// The scale by which each channel's weights are rounded, `[channels, 1]`; `None` if the period gives it.
    fn scale_of_weights(&self, index: usize, bits: u32) -> Result<Option<Tensor>, Failure> {
        let learned = self.learned(index)?;
        Ok(match (&learned.log_scale, self.weight_scales) {
            (None, _) => None,
            (Some(log), WeightScales::Learned) => Some(log.exp()?),
            (Some(_), WeightScales::Greatest) => {
                let greatest = learned.weight.detach().abs()?.max_keepdim(1)?;
                Some((greatest / max_weight(bits) as f64)?.maximum(LEAST_SCALE)?)
            }
        })
    }

    /// Real value of one unit of each channel's weights, whose scale [`integers`](Trainable::integers) found.
    pub(super) fn unit_of_weights(
        &self,
        index: usize,
        linear: &LinearSpec,
        scale: &Tensor,
        input: Affine,
    ) -> Result<Vec<f64>, Failure> {
        if reads_wave(&self.spec, index) {
            return Ok(vec![wave_unit(linear) / input.scale; linear.channels]);
        }
        let scales = scale.flatten_all()?.to_vec1::<f32>()?;
        Ok(scales.into_iter().map(f64::from).collect())
    }

    /// The real bias of each channel.
    pub(super) fn biases(
        &self,
        index: usize,
        linear: &LinearSpec,
        weights: &Array2<i16>,
        input: &Encoder,
    ) -> Result<Vec<f64>, Failure> {
        let learned = self.learned(index)?;
        let bias = learned.bias.as_ref().ok_or(ModelError::PartMissing)?;
        let bias = bias.to_vec1::<f32>()?;
        if !reads_wave(&self.spec, index) {
            return Ok(bias.into_iter().map(f64::from).collect());
        }
        let (modulus, unit) = (period(linear), wave_unit(linear));
        let biases = bias.into_iter().zip(weights.rows()).map(|(bias, row)| {
            let centre = input.centre(row);
            let constant = (f64::from(bias) * modulus).round_ties_even();
            let constant = constant.rem_euclid(modulus);
            // rounded as it is stored
            f64::from(((constant + centre as f64) * unit) as f32)
        });
        Ok(biases.collect())
    }
}

/// Converts integer weights to the form in which a model holds them.
pub(super) fn array(integers: &Tensor) -> Result<Array2<i16>, Failure> {
    let (channels, taps) = integers.dims2()?;
    let values = integers.flatten_all()?.to_vec1::<f32>()?;
    let values: Vec<i16> = values.iter().map(|&w| w as i16).collect();
    Ok(Array2::from_shape_vec((channels, taps), values).expect("as many values as the tensor has"))
}
