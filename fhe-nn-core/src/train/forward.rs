//! The way of inputs through a module.
//!
//! With integers, every tensor is the integers of the quantized network, exactly: 32-bit floats hold them up to
//! `2^24`, and of accumulators that may be greater, those that tables read are kept beside. What they stand for is kept beside them, as tensors that gradients
//! flow through: a weight is `scale x integer`, a value `scale x (integer - zero point)`.

use candle_core::{D, DType, Result as Computed, Tensor};
use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::{Linear, proved_ranges, result_of};
use fhe_nn_proof::spec::{
    ActivationSpec, EmbeddingSpec, Encoding, Function, LinearSpec, Op, Overflow, Pool,
};
use fhe_nn_proof::widths::{Range, sum_width};
use ndarray::Array2;

use super::curves::curves;
use super::integers::array;
use super::ops::{linearized, straight_through};
use super::parameters::{Learned, reads_wave};
use super::tables::Tables;
use super::trainable::{Noise, Precision, Trainable};
use crate::Error;
use crate::clear::wrap;
use crate::quantize::{Float, Place, extent, fixed_meaning, phase_of};

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// To see accumulators: their widths follow from this pass itself.
    Calibrate,
    /// To learn: accumulators that leave a calibrated width saturate, and count as a loss.
    Train,
    /// As the integer network.
    Exact,
}

/// A pass.
pub(super) struct Forward<'a> {
    module: &'a Trainable,
    mode: Mode,
    /// Noise follows from it.
    seed: u64,
    /// Of every layer with weights, what its accumulators were, without phases.
    pub(super) seen: Vec<Option<Vec<Range>>>,
    /// What accumulators that nearly leave a calibrated width add to the loss.
    overflow: Option<Tensor>,
}

/// What comes out.
pub(super) struct Scores {
    /// In reals, `[inputs, scores]`.
    pub(super) reals: Tensor,
    /// The integers that are decrypted, or in floating point the reals themselves.
    pub(super) integers: Tensor,
    /// What accumulators that nearly leave a calibrated width add to the loss.
    pub(super) overflow: Option<Tensor>,
}

/// A tensor on its way.
enum Signal {
    Values(Values),
    Sums(Sums),
}

/// Integers, `[inputs, values]`, and what they mean; in floating point reals of scale 1.
#[derive(Clone)]
struct Values {
    integers: Tensor,
    /// Of one element, with a gradient.
    scale: Tensor,
    meaning: Affine,
}

/// Accumulators, `[inputs, neurons]`.
struct Sums {
    /// Rounded where 32-bit floats do not hold them.
    integers: Tensor,
    /// The same, exactly; none in floating point.
    accumulators: Vec<i64>,
    /// The reals that they stand for, with a gradient to scales and biases.
    reals: Tensor,
    lines: Vec<Line>,
    widths: Vec<u32>,
    positions: usize,
}

/// Accumulators begin to count as a loss from this part of their width on.
const NEAR: f64 = 0.85;
/// What one that has left it by as much as it is wide adds to the loss.
const WEIGHT: f64 = 10.0;

/// Integers up to it are exact in 32-bit floats, and so are their sums in any order.
const EXACT: u64 = 1 << 24;

/// No scaling.
const UNIT: Affine = Affine {
    scale: 1.0,
    zero_point: 0,
};

impl<'a> Forward<'a> {
    pub(super) fn new(module: &'a Trainable, mode: Mode, seed: u64) -> Self {
        Forward {
            module,
            mode,
            seed,
            seen: module.spec.layers.iter().map(|_| None).collect(),
            overflow: None,
        }
    }

    /// The scores of inputs in reals, `[inputs, values]`.
    ///
    /// # Errors
    /// [`Error::NotCalibrated`], those of the floats that are given, and what candle reports.
    pub(super) fn run(&mut self, inputs: &Array2<f64>) -> Result<Scores, Error> {
        let mut tensors = vec![Signal::Values(self.input(inputs)?)];
        for index in 0..self.module.spec.layers.len() {
            let signal = self.layer(index, &tensors)?;
            tensors.push(signal);
        }
        let (reals, integers) = match tensors.pop().ok_or(ModelError::PartMissing)? {
            Signal::Sums(sums) => self.scores(sums)?,
            Signal::Values(values) => (real(&values)?, values.integers),
        };
        Ok(Scores {
            reals,
            integers,
            overflow: self.overflow.take(),
        })
    }

    fn is_float(&self) -> bool {
        self.module.precision == Precision::Float
    }

    fn input(&self, inputs: &Array2<f64>) -> Result<Values, Error> {
        let (meaning, levels) = match self.is_float() {
            true => (UNIT, None),
            false => (self.module.meaning(0)?, Some(self.module.facts[0].range)),
        };
        let encode =
            |&x: &f64| levels.map_or(x, |levels| meaning.quantize(x, levels) as f64) as f32;
        let values: Vec<f32> = inputs.iter().map(encode).collect();
        Ok(Values {
            integers: Tensor::from_vec(values, inputs.dim(), &self.module.device)?,
            scale: self.constant(meaning.scale)?,
            meaning,
        })
    }

    fn layer(&mut self, index: usize, tensors: &[Signal]) -> Result<Signal, Error> {
        let spec = &self.module.spec;
        let sources = spec.sources(index);
        let values = |source: usize| match &tensors[source] {
            Signal::Values(values) => Ok(values),
            Signal::Sums(_) => Err(ModelError::PartMissing),
        };
        let operands = || sources.iter().map(|&source| values(source));
        Ok(match &spec.layers[index].op {
            Op::Dense(_) | Op::Conv(_) => Signal::Sums(self.linear(index, values(sources[0])?)?),
            Op::Embedding(embedding) => {
                Signal::Values(self.embedding(index, embedding, values(sources[0])?)?)
            }
            Op::Activation(act) => {
                let of_values;
                let sums = match &tensors[sources[0]] {
                    Signal::Sums(sums) => sums,
                    Signal::Values(values) => {
                        of_values = self.as_sums(sources[0], values, act)?;
                        &of_values
                    }
                };
                Signal::Values(self.activation(index, act, sums)?)
            }
            op => Signal::Values(self.combined(
                index,
                op,
                &operands().collect::<Result<Vec<_>, _>>()?,
            )?),
        })
    }

    fn linear(&mut self, index: usize, input: &Values) -> Result<Sums, Error> {
        let module = self.module;
        let layer = &module.spec.layers[index];
        let linear = layer.op.linear().ok_or(ModelError::PartMissing)?;
        let learned = module.learned(index)?;
        let bias = learned.bias.as_ref().ok_or(ModelError::PartMissing)?;
        if self.is_float() {
            return self.float_sums(index, &linear, input, learned);
        }
        let (place, levels) = (module.place(index, &linear), module.levels(index));
        let (integers, scale) = module.integers(index, &place)?;
        let weights = array(&integers)?;
        let proved = proved_ranges(&weights, levels);
        let kind = match proved.iter().all(|range| range.max_abs() < EXACT) {
            true => DType::F32,
            false => DType::F64,
        };
        let sums = self.products(
            index,
            &linear,
            &input.integers.to_dtype(kind)?,
            &integers.to_dtype(kind)?,
            input.meaning.zero_point,
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
        let scales = module.weight_scales_of(index, &linear, input.meaning)?;
        let biases = module.biases(index, &linear, &weights, input.meaning)?;
        let unit = |j: usize| scales[j] * input.meaning.scale;
        let sum = |j: usize| weights.row(j).iter().map(|&w| i64::from(w)).sum::<i64>();
        let wanted = (0..linear.channels).map(|j| {
            let centre = (input.meaning.zero_point * sum(j)) as f64;
            phase_of(
                place.reader.map(|act| act.function),
                biases[j],
                unit(j),
                centre,
            )
        });
        let wanted: Vec<f64> = wanted.collect();
        // training goes on with what leaves its width; whether that is kept in the end, the quantizer says
        let limit = Range::signed(module.width(&place, levels));
        let held: Vec<Range> = seen.iter().map(|range| range.within(limit)).collect();
        let (phases, widths) = place.settle(&wanted, &proved, &held, levels)?;
        self.seen[index] = Some(seen);
        let part = Linear {
            weights,
            phases,
            widths,
            scales,
            bias: biases,
            input: input.meaning,
        };

        for of_input in accumulators.chunks_exact_mut(linear.channels * linear.positions) {
            let channels = of_input.chunks_exact_mut(linear.positions);
            for (of_channel, phase) in channels.zip(&part.phases) {
                of_channel.iter_mut().for_each(|sum| *sum += phase);
            }
        }
        // phases are whole, and of a `Wave` learned
        let phases = part.phases.iter().map(|&phase| phase as f32);
        let phases = Tensor::from_vec(
            phases.collect::<Vec<f32>>(),
            linear.channels,
            &module.device,
        )?;
        let wave = reads_wave(&module.spec, index);
        let phases = match wave {
            true => straight_through(bias, &phases)?,
            false => phases,
        };
        let sums = per_channel(&sums, linear.positions, |sums| {
            sums.broadcast_add(&column(&phases)?)
        })?;
        // reals: scale x input scale x (sum - phase - zero point x sum of weights) + bias
        let reals = match wave {
            true => sums.clone(),
            false => {
                let slope = (scale.broadcast_mul(&input.scale))?.flatten_all()?;
                let centre = (integers.sum(D::Minus1)? * input.meaning.zero_point as f64)?;
                let offset = (bias.as_tensor() - (&slope * (centre + &phases)?)?)?;
                per_channel(&sums, linear.positions, |sums| {
                    sums.broadcast_mul(&column(&slope)?)?
                        .broadcast_add(&column(&offset)?)
                })?
            }
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

    /// Sums of the float network.
    fn float_sums(
        &self,
        index: usize,
        linear: &LinearSpec,
        input: &Values,
        learned: &Learned,
    ) -> Result<Sums, Error> {
        let module = self.module;
        let bias = learned.bias.as_ref().ok_or(ModelError::PartMissing)?;
        let (mut weights, mut bias) =
            (learned.weight.as_tensor().clone(), bias.as_tensor().clone());
        if reads_wave(&module.spec, index) {
            let unit = 4.0 / f64::from(linear.accumulator).exp2();
            let input = module.meaning(module.spec.sources(index)[0])?;
            let centre = (weights.sum(D::Minus1)? * input.zero_point as f64)?;
            weights = (weights * (unit / input.scale))?;
            bias = ((bias + centre)? * unit)?;
        }
        let sums = self.products(index, linear, &input.integers, &weights, 0)?;
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

    /// Sums of values by weights, `[inputs, channels x positions]`.
    fn products(
        &self,
        index: usize,
        linear: &LinearSpec,
        values: &Tensor,
        weights: &Tensor,
        padding: i64,
    ) -> Computed<Tensor> {
        match (&linear.window, &self.module.windows[index]) {
            (Some(_), Some(windows)) => windows.sums(values, weights, padding as f64),
            _ => values.matmul(&weights.t()?),
        }
    }

    /// Adds to the loss what comes near to the end of a width that only calibration holds.
    fn count_overflow(
        &mut self,
        place: &Place<'_>,
        levels: Range,
        sums: &Tensor,
    ) -> Result<(), Error> {
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

    fn embedding(
        &self,
        index: usize,
        embedding: &EmbeddingSpec,
        input: &Values,
    ) -> Result<Values, Error> {
        let module = self.module;
        let (weights, scale, meaning) = match self.is_float() {
            true => (
                module.learned(index)?.weight.as_tensor().clone(),
                self.constant(1.0)?,
                UNIT,
            ),
            false => (
                module.vectors(index)?,
                module.scale(index + 1)?.0,
                module.meaning(index + 1)?,
            ),
        };
        let (dimension, positions) = (embedding.dimension, embedding.positions);
        let inputs = input.integers.dim(0)?;
        let vectors = match embedding.encoding {
            Encoding::Number => {
                let tokens = input.integers.flatten_all()?.to_dtype(DType::U32)?;
                weights.index_select(&tokens, 0)?
            }
            Encoding::OneHot => {
                let tokens = input
                    .integers
                    .reshape((inputs, embedding.vocabulary, positions))?;
                let tokens = tokens
                    .transpose(1, 2)?
                    .reshape((inputs * positions, embedding.vocabulary))?;
                tokens.matmul(&weights)?
            }
        };
        let vectors = vectors
            .reshape((inputs, positions, dimension))?
            .transpose(1, 2)?;
        Ok(Values {
            integers: vectors.reshape((inputs, dimension * positions))?,
            scale,
            meaning,
        })
    }

    /// Values, to be read by tables.
    fn as_sums(&self, tensor: usize, values: &Values, act: &ActivationSpec) -> Result<Sums, Error> {
        let fact = &self.module.facts[tensor];
        let channels = fact.shape[0];
        let Affine { scale, zero_point } = values.meaning;
        let line = Line {
            slope: scale,
            offset: -scale * zero_point as f64,
        };
        Ok(Sums {
            integers: values.integers.clone(),
            accumulators: match self.is_float() {
                true => Vec::new(),
                false => whole(&values.integers)?,
            },
            reals: real(values)?,
            lines: vec![line; channels],
            widths: vec![sum_width(fact.range, act.phases); channels],
            positions: fact.len() / channels,
        })
    }

    fn activation(&self, index: usize, act: &ActivationSpec, sums: &Sums) -> Result<Values, Error> {
        let module = self.module;
        let float = Float {
            spec: &module.spec,
            floats: &module.given,
            functions: &module.functions,
        };
        let curve = float.curve(index, act)?;
        let (inputs, neurons) = sums.integers.dims2()?;
        let outputs = neurons * act.phases as usize;
        let tensor = |values: Vec<f32>| Tensor::from_vec(values, (inputs, outputs), &module.device);
        let phases = |sums: &Tensor| Tensor::cat(&vec![sums; act.phases as usize], 1);
        if self.is_float() {
            let reals = sums.reals.flatten_all()?.to_vec1::<f32>()?;
            let (values, slopes) = curves(act, &curve, &reals, neurons, sums.positions);
            return Ok(Values {
                integers: linearized(tensor(values)?, &tensor(slopes)?, &phases(&sums.reals)?)?,
                scale: self.constant(1.0)?,
                meaning: UNIT,
            });
        }
        let widths = (sums.widths.as_slice(), sums.positions);
        let noise = self.noise(index, &sums.widths);
        // other noise in every layer
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
        let (meaning, (scale, log)) = (module.meaning(index + 1)?, module.scale(index + 1)?);
        let saturates = self.mode == Mode::Train;
        let tables = Tables::padded(act, widths, &curve, &sums.lines, meaning, saturates);
        let looked = tables.noisy(noise).look_up(&sums.accumulators, seed);
        let values = linearized(tensor(looked.values)?, &tensor(looked.slopes)?, &sums.reals)?;
        Ok(Values {
            integers: linearized(values, &tensor(looked.shrinks)?, &log)?,
            scale,
            meaning,
        })
    }

    /// Standard deviation of the noise that a layer's tables read with, in units of each channel's accumulators; that of a
    /// run that learns only.
    fn noise(&self, index: usize, widths: &[u32]) -> Vec<f64> {
        let noise = self.module.noise[index].filter(|_| self.mode == Mode::Train);
        let of = |noise: Noise| {
            // ciphertexts have the step of the widest accumulator
            let narrower = |&width: &u32| f64::from(noise.scale.saturating_sub(width)).exp2();
            widths
                .iter()
                .map(|width| noise.deviation / narrower(width))
                .collect()
        };
        noise.map_or_else(Vec::new, of)
    }

    /// The reals of accumulators in units of these, with the gradient of their scales and biases.
    fn in_units(&self, sums: &Sums) -> Result<Tensor, Error> {
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

    fn combined(&self, index: usize, op: &Op, operands: &[&Values]) -> Result<Values, Error> {
        let first = operands.first().ok_or(ModelError::PartMissing)?;
        let integers: Vec<&Tensor> = operands.iter().map(|operand| &operand.integers).collect();
        let mut others = integers.iter().skip(1);
        let mut scale = first.scale.clone();
        let integers = match op {
            Op::Pool(pool) => {
                let windows = self.module.windows[index]
                    .as_ref()
                    .ok_or(ModelError::PartMissing)?;
                match (pool.kind, self.is_float()) {
                    (Pool::Max, _) => windows
                        .seen(&first.integers, f64::from(f32::MIN))?
                        .max(D::Minus1)?,
                    (Pool::Average, true) => windows.seen(&first.integers, 0.0)?.mean(D::Minus1)?,
                    (Pool::Average, false) => {
                        scale = (scale / pool.window.taps() as f64)?;
                        windows.seen(&first.integers, 0.0)?.sum(D::Minus1)?
                    }
                }
            }
            Op::Add => others.try_fold(first.integers.clone(), |sum, other| sum + *other)?,
            Op::Mul => {
                for other in &operands[1..] {
                    scale = (scale * &other.scale)?;
                }
                others.try_fold(first.integers.clone(), |product, other| product * *other)?
            }
            Op::Concat => Tensor::cat(&integers, 1)?,
            _ => first.integers.clone(),
        };
        let meanings: Vec<Affine> = operands.iter().map(|operand| operand.meaning).collect();
        let meaning = match self.is_float() {
            true => UNIT,
            false => result_of(op, &meanings).ok_or(ModelError::PartMissing)?,
        };
        Ok(Values {
            integers,
            scale,
            meaning,
        })
    }

    /// Scores in reals, and as integers, modulo 2 to their widths.
    fn scores(&self, sums: Sums) -> Result<(Tensor, Tensor), Error> {
        if self.mode != Mode::Exact || self.is_float() {
            return Ok((sums.reals, sums.integers));
        }
        let (inputs, scores) = sums.integers.dims2()?;
        let wrapped = sums.accumulators.iter().enumerate().map(|(index, &sum)| {
            let channel = index % scores / sums.positions;
            let sum = wrap(sum, sums.widths[channel]);
            (sums.lines[channel].real(sum) as f32, sum as f32)
        });
        let (reals, integers): (Vec<f32>, Vec<f32>) = wrapped.unzip();
        let tensor =
            |values: Vec<f32>| Tensor::from_vec(values, (inputs, scores), &self.module.device);
        Ok((tensor(reals)?, tensor(integers)?))
    }

    fn constant(&self, value: f64) -> Computed<Tensor> {
        Tensor::from_vec(vec![value as f32], 1, &self.module.device)
    }
}

/// What values stand for.
fn real(values: &Values) -> Computed<Tensor> {
    (&values.integers - values.meaning.zero_point as f64)?.broadcast_mul(&values.scale)
}

/// `[channels]` beside the positions of each channel.
fn column(channels: &Tensor) -> Computed<Tensor> {
    channels.reshape((1, channels.elem_count(), 1))
}

/// Something done to `[inputs, channels, positions]`.
fn per_channel(
    sums: &Tensor,
    positions: usize,
    each: impl Fn(&Tensor) -> Computed<Tensor>,
) -> Computed<Tensor> {
    let (inputs, neurons) = sums.dims2()?;
    let channels = sums.reshape((inputs, neurons / positions, positions))?;
    each(&channels)?.reshape((inputs, neurons))
}

/// The integers that floats are.
fn whole(integers: &Tensor) -> Computed<Vec<i64>> {
    let all = integers.flatten_all()?;
    Ok(match all.dtype() {
        DType::F64 => all.to_vec1::<f64>()?.iter().map(|&x| x as i64).collect(),
        _ => all.to_vec1::<f32>()?.iter().map(|&x| x as i64).collect(),
    })
}

/// From the least to the greatest accumulator of each channel.
fn seen(accumulators: &[i64], channels: usize, positions: usize) -> Vec<Range> {
    let of = |channel: usize| {
        let inputs = accumulators.chunks_exact(channels * positions);
        let own = inputs.flat_map(|all| &all[channel * positions..(channel + 1) * positions]);
        extent(own)
    };
    (0..channels).map(of).collect()
}
