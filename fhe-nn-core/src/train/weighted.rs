//! Layers with weights and accumulators in the pass through a module.

use candle_core::{D, DType, Result as Computed, Tensor};
use fhe_nn_proof::encoder::own_of;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::{Linear, proved_ranges};
use fhe_nn_proof::spec::{LinearSpec, Overflow};
use fhe_nn_proof::widths::Range;

use super::error::Failure;
use super::forward::{Forward, Mode};
use super::integers::array;
use super::ops::straight_through;
use super::parameters::reads_wave;
use super::signal::{Sums, Values, column, per_channel, whole};
use crate::quantize::{Place, constant_of, extent, period};

/// Accumulators count as a loss from this fraction of their range on.
const NEAR: f64 = 0.85;
/// What an accumulator that exceeds this by the whole range adds to the loss.
const WEIGHT: f64 = 10.0;
/// Integers up to this are exact in 32-bit floats, and so are their sums in any order.
const EXACT: u64 = 1 << 24;

impl Forward<'_> {
    pub(crate) fn linear(&mut self, index: usize, input: &Values) -> Result<Sums, Failure> {
        let module = self.module;
        let layer = &module.spec.layers[index];
        let linear = layer.op.linear().ok_or(ModelError::PartMissing)?;
        if self.is_float() {
            return self.float_sums(index, &linear, input);
        }
        let bias = module.learned(index)?.bias.as_ref();
        let bias = bias.ok_or(ModelError::PartMissing)?;
        let (place, levels) = (module.place(index, &linear), module.levels(index));
        let (integers, scale) = module.integers(index, &place)?;
        let weights = array(&integers)?;
        let encoder = module.encoder(index, input.meaning);
        let zeros: Vec<i64> = encoder.zero_points().collect();
        let proved = proved_ranges(&weights, levels);
        let kind = if proved.iter().all(|range| range.max_abs() < EXACT) {
            DType::F32
        } else {
            DType::F64
        };
        let sums = self.products(
            index,
            &linear,
            &input.integers.to_dtype(kind)?,
            &integers.to_dtype(kind)?,
            &zeros,
        )?;
        let mut accumulators = whole(&sums)?;
        let sums = sums.to_dtype(DType::F32)?;

        let seen = match self.mode {
            Mode::Calibrate => seen(&accumulators, linear.channels, linear.positions),
            Mode::Train | Mode::Exact => match &module.seen[index] {
                Some(seen) => seen.clone(),
                None => return Err(module.not_calibrated(index + 1)),
            },
        };
        let scales = module.unit_of_weights(index, &linear, &scale, input.meaning)?;
        let biases = module.biases(index, &linear, &weights, &encoder)?;
        let unit = |j: usize| scales[j] * input.meaning.scale;
        let wanted = (0..linear.channels).map(|j| {
            let centre = encoder.centre(weights.row(j)) as f64;
            constant_of(
                place.reader.map(|act| act.function),
                biases[j],
                unit(j),
                centre,
            )
        });
        let wanted: Vec<f64> = wanted.collect();
        // training goes on with accumulators that leave their width; the quantizer decides whether they
        // keep it in the end
        let limit = Range::signed(module.width(&place, levels));
        let held: Vec<Range> = seen.iter().map(|range| range.within(limit)).collect();
        let (constants, widths) = place.settle(&wanted, &proved, &held, levels)?;
        self.seen[index] = Some(seen);
        let part = Linear {
            weights,
            constants,
            widths,
            scales: scales
                .iter()
                .map(|scale| scale * (input.meaning.scale / encoder.unit()))
                .collect(),
            bias: biases,
            input: encoder,
        };

        for of_input in accumulators.chunks_exact_mut(linear.channels * linear.positions) {
            let channels = of_input.chunks_exact_mut(linear.positions);
            for (of_channel, constant) in channels.zip(&part.constants) {
                of_channel.iter_mut().for_each(|sum| *sum += constant);
            }
        }
        // constants are whole numbers, and those of a `Wave` are learned
        let constants = part.constants.iter().map(|&constant| constant as f32);
        let constants = Tensor::from_vec(
            constants.collect::<Vec<f32>>(),
            linear.channels,
            &module.device,
        )?;
        let wave = reads_wave(&module.spec, index);
        let constants = if wave {
            straight_through(&(bias.as_tensor() * period(&linear))?, &constants)?
        } else {
            constants
        };
        let sums = per_channel(&sums, linear.positions, |sums| {
            sums.broadcast_add(&column(&constants)?)
        })?;
        // reals: scale x input scale x (sum - constant - zero point x sum of weights) + bias
        let reals = if wave {
            sums.clone()
        } else {
            let slope = (scale.broadcast_mul(&input.scale))?.flatten_all()?;
            let centre = match zeros.as_slice() {
                [zero] => (integers.sum(D::Minus1)? * *zero as f64)?,
                zeros => {
                    let zeros = (0..linear.taps).filter_map(|tap| own_of(zeros, tap, linear.taps));
                    let zeros: Vec<f32> = zeros.map(|&zero| zero as f32).collect();
                    let zeros = Tensor::from_vec(zeros, (linear.taps, 1), &module.device)?;
                    integers.matmul(&zeros)?.flatten_all()?
                }
            };
            let offset = (bias.as_tensor() - (&slope * (centre + &constants)?)?)?;
            per_channel(&sums, linear.positions, |sums| {
                sums.broadcast_mul(&column(&slope)?)?
                    .broadcast_add(&column(&offset)?)
            })?
        };
        self.count_overflow(&place, levels, &sums)?;
        Ok(Sums {
            integers: sums,
            accumulators,
            reals,
            lines: (0..linear.channels).map(|j| part.line(j)).collect(),
            widths: part.widths,
            positions: linear.positions,
        })
    }

    /// Computes the sums of the float network.
    fn float_sums(
        &self,
        index: usize,
        linear: &LinearSpec,
        input: &Values,
    ) -> Result<Sums, Failure> {
        let module = self.module;
        let (weights, bias) = module.reals(index, linear)?;
        let sums = self.products(index, linear, &input.integers, &weights, &[0])?;
        let sums = per_channel(&sums, linear.positions, |sums| {
            sums.broadcast_add(&column(&bias)?)
        })?;
        Ok(Sums {
            integers: sums.clone(),
            accumulators: Vec::new(),
            reals: sums,
            lines: Vec::new(),
            widths: vec![0; linear.channels],
            positions: linear.positions,
        })
    }

    /// Multiplies values by weights and adds up, which gives `[inputs, channels x positions]`.
    fn products(
        &self,
        index: usize,
        linear: &LinearSpec,
        values: &Tensor,
        weights: &Tensor,
        padding: &[i64],
    ) -> Computed<Tensor> {
        match (&linear.window, &self.module.windows[index]) {
            (Some(_), Some(windows)) => windows.sums(values, weights, padding),
            _ => values.matmul(&weights.t()?),
        }
    }

    /// Counts accumulators as a loss that come close to the end of a width that only calibration holds.
    fn count_overflow(
        &mut self,
        place: &Place<'_>,
        levels: Range,
        sums: &Tensor,
    ) -> Result<(), Failure> {
        if place.linear.overflow != Overflow::Calibrated || self.mode != Mode::Train {
            return Ok(());
        }
        let limit = f64::from(self.module.width(place, levels) - 1).exp2();
        let beyond = ((sums.abs()? / limit)? - NEAR)?.relu()?.sqr()?;
        let loss = (beyond.sum_all()? * (WEIGHT / sums.dim(0)? as f64))?;
        self.overflow = Some(match self.overflow.take() {
            Some(other) => (other + loss)?,
            None => loss,
        });
        Ok(())
    }
}

/// The range from the least to the greatest accumulator of each channel.
fn seen(accumulators: &[i64], channels: usize, positions: usize) -> Vec<Range> {
    let of = |channel: usize| {
        let inputs = accumulators.chunks_exact(channels * positions);
        let own = inputs.flat_map(|all| &all[channel * positions..(channel + 1) * positions]);
        extent(own)
    };
    (0..channels).map(of).collect()
}
