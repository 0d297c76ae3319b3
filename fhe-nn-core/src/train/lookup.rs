//! Activations in the pass through a module.

use candle_core::Tensor;
use fhe_nn_proof::spec::{ActivationSpec, Function};
use fhe_nn_proof::widths::sum_width;

use super::curves::curves;
use super::error::Failure;
use super::forward::{Forward, Mode};
use super::ops::linearized;
use super::signal::{Sums, UNIT, Values, column, per_channel, real, whole};
use super::tables::Tables;
use super::trainable::Noise;
use crate::quantize::fixed_meaning;

impl Forward<'_> {
    /// Makes sums of values, so that tables can read them.
    pub(crate) fn as_sums(
        &self,
        tensor: usize,
        values: &Values,
        act: &ActivationSpec,
    ) -> Result<Sums, Failure> {
        let fact = &self.module.facts[tensor];
        let channels = fact.shape[0];
        Ok(Sums {
            integers: values.integers.clone(),
            accumulators: if self.is_float() {
                Vec::new()
            } else {
                whole(&values.integers)?
            },
            reals: real(values)?,
            lines: vec![values.meaning.line(); channels],
            widths: vec![sum_width(fact.range, act.phases); channels],
            positions: fact.len() / channels,
        })
    }

    pub(crate) fn activation(
        &self,
        index: usize,
        act: &ActivationSpec,
        sums: &Sums,
    ) -> Result<Values, Failure> {
        let module = self.module;
        let float = module.given();
        let curve = float.curve(index, act)?;
        let (inputs, neurons) = sums.integers.dims2()?;
        let outputs = neurons * act.phases as usize;
        let tensor = |values: Vec<f32>| Tensor::from_vec(values, (inputs, outputs), &module.device);
        let phases = |sums: &Tensor| Tensor::cat(&vec![sums; act.phases as usize], 1);
        if self.is_float() {
            let reals = sums.reals.flatten_all()?.to_vec1::<f32>()?;
            let quantizer = float.quantizer(index + 1)?;
            let curve = match quantizer {
                Some(quantizer) => curve.cut(quantizer.clamp),
                None => curve,
            };
            let positions = sums.positions;
            let (values, slopes) = curves(act, &curve, quantizer, &reals, neurons, positions);
            return Ok(Values {
                integers: linearized(tensor(values)?, &tensor(slopes)?, &phases(&sums.reals)?)?,
                scale: self.constant(1.0)?,
                meaning: UNIT,
            });
        }
        let widths = (sums.widths.as_slice(), sums.positions);
        let noise = self.noise(index, &sums.widths);
        // every layer has its own noise
        let seed = self.seed ^ (index as u64) << 48;
        if act.function.is_antiperiodic() {
            // the next phase lies where this one would go around
            let goes_around = act.phases > 1 || module.wraps(module.spec.sources(index)[0]);
            let looked = Tables::antiperiodic(act, widths, goes_around)
                .noisy(noise)
                .look_up(&sums.accumulators, seed);
            let meaning = fixed_meaning(act);
            let slopes = tensor(looked.slopes)?;
            // a sign's bias moves its reals, not its accumulators
            let variable = match act.function {
                Function::Sign => self.in_units(sums)?,
                _ => sums.integers.clone(),
            };
            return Ok(Values {
                integers: linearized(tensor(looked.values)?, &slopes, &phases(&variable)?)?,
                scale: self.constant(meaning.scale)?,
                meaning,
            });
        }
        let (meaning, scale) = (module.meaning(index + 1)?, module.scale(index + 1)?);
        let saturates = self.mode == Mode::Train;
        let tables = Tables::padded(act, widths, &curve, &sums.lines, meaning, saturates);
        let looked = tables.noisy(noise).look_up(&sums.accumulators, seed);
        let values = linearized(tensor(looked.values)?, &tensor(looked.slopes)?, &sums.reals)?;
        Ok(Values {
            integers: match scale.log() {
                Some(log) => linearized(values, &tensor(looked.shrinks)?, log)?,
                None => values,
            },
            scale: scale.tensor(&module.device)?,
            meaning,
        })
    }

    /// Standard deviation of the noise with which a layer's tables read, in units of each channel's
    /// accumulators. Only passes that learn have noise.
    fn noise(&self, index: usize, widths: &[u32]) -> Vec<f64> {
        let noise = self.module.noise[index].filter(|_| self.mode == Mode::Train);
        let of = |noise: Noise| {
            // the widest accumulator gives all ciphertexts their step
            let narrower = |&width: &u32| f64::from(noise.scale.saturating_sub(width)).exp2();
            widths
                .iter()
                .map(|width| noise.deviation / narrower(width))
                .collect()
        };
        noise.map_or_else(Vec::new, of)
    }

    /// The reals that accumulators stand for, in units of the accumulators, with gradients to scales and
    /// biases.
    fn in_units(&self, sums: &Sums) -> Result<Tensor, Failure> {
        let slopes = sums.lines.iter().map(|line| line.slope.recip() as f32);
        let slopes = Tensor::from_vec(
            slopes.collect::<Vec<f32>>(),
            sums.lines.len(),
            &self.module.device,
        )?;
        Ok(per_channel(&sums.reals, sums.positions, |reals| {
            reals.broadcast_mul(&column(&slopes)?)
        })?)
    }
}
