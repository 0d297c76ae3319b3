//! Reading a model: nothing is believed before it is checked.

use std::collections::BTreeSet;

use ndarray::Array2;
use safetensors::SafeTensors;

use super::tensors::values;
use crate::client::Affine;
use crate::error::ModelError;
use crate::part::{Linear, Part, Tables, Vectors, proved_ranges};
use crate::spec::{ActivationSpec, EmbeddingSpec, LinearSpec, Op, Overflow, Spec};
use crate::widths::{Range, max_weight, sum_width};

/// The integers of every layer.
pub(super) fn parts(spec: &Spec, file: &SafeTensors<'_>) -> Result<Vec<Part>, ModelError> {
    let mut reader = Reader {
        file,
        read: BTreeSet::new(),
    };
    let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
    let mut parts: Vec<Part> = Vec::with_capacity(spec.layers.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let sources = spec.sources(index);
        let first = &facts[sources[0]];
        parts.push(match &layer.op {
            op @ (Op::Dense(_) | Op::Conv(_)) => {
                let linear = op.linear().ok_or(ModelError::PartMissing)?;
                let reads = spec.reader(index);
                Part::Linear(
                    reader
                        .linear(&layer.name, &linear, reads, first.range)?
                        .into(),
                )
            }
            Op::Embedding(embedding) => {
                let levels = facts[index + 1].range;
                Part::Embedding(reader.vectors(&layer.name, embedding, levels)?.into())
            }
            Op::Activation(act) if act.function.is_antiperiodic() => Part::Antiperiodic,
            Op::Activation(act) => {
                let before = sources[0].checked_sub(1).map(|index| &parts[index]);
                let of_sums = vec![sum_width(first.range, act.phases); first.shape[0]];
                let widths = match before {
                    Some(Part::Linear(linear)) => &linear.widths,
                    _ => &of_sums,
                };
                Part::Tables(reader.tables(&layer.name, act, widths)?.into())
            }
            Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => {
                let levels: Vec<Range> =
                    sources.iter().map(|&source| facts[source].range).collect();
                Part::Sources(reader.meanings(&layer.name, &levels)?.into())
            }
        });
    }
    match file
        .names()
        .into_iter()
        .find(|&name| !reader.read.contains(name))
    {
        None => Ok(parts),
        Some(name) => Err(ModelError::TensorUnknown {
            tensor: name.to_owned(),
            network: spec.name.to_string(),
        }),
    }
}

/// A file, and the tensors that were read of it.
struct Reader<'a> {
    file: &'a SafeTensors<'a>,
    read: BTreeSet<String>,
}

impl Reader<'_> {
    fn values<T: super::tensors::Value>(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Vec<T>, ModelError> {
        self.read.insert(name.to_owned());
        values(self.file, name, shape)
    }

    /// Integers within `range(index)`.
    fn integers<T: super::tensors::Value + Copy + Into<i64>>(
        &mut self,
        name: &str,
        shape: &[usize],
        range: impl Fn(usize) -> Range,
    ) -> Result<Vec<T>, ModelError> {
        let values: Vec<T> = self.values(name, shape)?;
        for (index, &value) in values.iter().enumerate() {
            let (value, Range { lo, hi }) = (value.into(), range(index));
            if !(lo..=hi).contains(&value) {
                return Err(ModelError::TensorInteger {
                    tensor: name.to_owned(),
                    index,
                    value,
                    lo,
                    hi,
                });
            }
        }
        Ok(values)
    }

    /// Reals that pass `is_good`.
    fn reals(
        &mut self,
        name: &str,
        count: usize,
        needs: &'static str,
        is_good: impl Fn(f64) -> bool,
    ) -> Result<Vec<f64>, ModelError> {
        let values: Vec<f64> = self.values(name, &[count])?;
        match values.iter().position(|&x| !is_good(x)) {
            None => Ok(values),
            Some(index) => Err(ModelError::TensorValue {
                tensor: name.to_owned(),
                index,
                value: values[index],
                needs,
            }),
        }
    }

    fn linear(
        &mut self,
        name: &str,
        linear: &LinearSpec,
        reader: Option<&ActivationSpec>,
        levels: Range,
    ) -> Result<Linear, ModelError> {
        let tensor = |field: &str| format!("{name}.{field}");
        let (outputs, inputs) = (linear.channels, linear.taps);
        let antiperiodic = reader.filter(|act| act.function.is_antiperiodic());

        let max = max_weight(linear.weights);
        let within = Range { lo: -max, hi: max };
        let weights = self.weights(name, linear.weights, &[outputs, inputs], within)?;

        let promised = linear.accumulator;
        let (least, most) = match (linear.overflow, antiperiodic) {
            (Overflow::Wrap, _) => (promised, promised),
            (_, Some(act)) => (
                2.max(1 + act.phases.max(1).ilog2()),
                linear.promise(levels, Some(act)),
            ),
            (_, None) => (2, promised),
        };
        let bits = |_| Range {
            lo: i64::from(least),
            hi: i64::from(most),
        };
        let widths: Vec<u8> = self.integers(&tensor("widths"), &[outputs], bits)?;
        let widths: Vec<u32> = widths.into_iter().map(u32::from).collect();

        let proved = proved_ranges(&weights, levels);
        let phase_range = |j: usize| match (antiperiodic, linear.overflow) {
            (None, _) => Range { lo: 0, hi: 0 },
            (Some(_), Overflow::Wrap) => Range::unsigned(linear.accumulator),
            (Some(_), _) => {
                // a phase moves some accumulator into the width
                let (width, proved) = (Range::signed(widths[j]), proved[j]);
                Range {
                    lo: width.lo - proved.hi,
                    hi: width.hi - proved.lo,
                }
            }
        };
        let phases: Vec<i64> = self.integers(&tensor("phases"), &[outputs], phase_range)?;
        if linear.overflow == Overflow::Checked {
            let reached = proved.iter().zip(&phases);
            let reached = reached.map(|(range, &phase)| range.shifted_by(phase));
            let promised = widths.iter().copied();
            if let Some(error) = ModelError::breaks(name, reached.zip(promised)) {
                return Err(error);
            }
        }

        let input = self.meanings(name, &[levels])?[0];
        let positive = |x: f64| x.is_normal() && x > 0.0;
        Ok(Linear {
            phases,
            widths,
            scales: self.reals(&tensor("scales"), outputs, "must be positive", positive)?,
            bias: self.reals(&tensor("bias"), outputs, "must be finite", f64::is_finite)?,
            input,
            weights,
        })
    }

    /// What each tensor means that a layer reads, of which the integers lie in `levels`.
    fn meanings(&mut self, name: &str, levels: &[Range]) -> Result<Vec<Affine>, ModelError> {
        let tensor = format!("{name}.input");
        let pairs = self.reals(&tensor, 2 * levels.len(), "must be finite", f64::is_finite)?;
        let (pairs, _) = pairs.as_chunks::<2>();
        let meaning = |(operand, (&[scale, zero], levels)): (usize, (&[f64; 2], &Range))| {
            let zero_point = zero as i64;
            let (place, needs) = if !(scale.is_normal() && scale > 0.0) {
                (0, "must be positive")
            } else if zero_point as f64 != zero || !levels.contains(zero_point) {
                (1, "must be an integer in the range of the layer's inputs")
            } else {
                return Ok(Affine { scale, zero_point });
            };
            Err(ModelError::TensorValue {
                tensor: tensor.clone(),
                index: 2 * operand + place,
                value: [scale, zero][place],
                needs,
            })
        };
        pairs.iter().zip(levels).enumerate().map(meaning).collect()
    }

    fn vectors(
        &mut self,
        name: &str,
        embedding: &EmbeddingSpec,
        levels: Range,
    ) -> Result<Vectors, ModelError> {
        let shape = [embedding.vocabulary, embedding.dimension];
        let weights = self.weights(name, embedding.weights, &shape, levels)?;
        let positive = |x: f64| x.is_normal() && x > 0.0;
        let scale = self.reals(&format!("{name}.scale"), 1, "must be positive", positive)?[0];
        Ok(Vectors { weights, scale })
    }

    /// Integers of so many bits, within a range.
    fn weights(
        &mut self,
        name: &str,
        bits: u32,
        shape: &[usize; 2],
        range: Range,
    ) -> Result<Array2<i16>, ModelError> {
        let tensor = format!("{name}.weights");
        let weights = match bits {
            ..=8 => {
                let weights: Vec<i8> = self.integers(&tensor, shape, |_| range)?;
                weights.into_iter().map(i16::from).collect()
            }
            _ => self.integers(&tensor, shape, |_| range)?,
        };
        Ok(Array2::from_shape_vec(*shape, weights).expect("the tensor has the layer's shape"))
    }

    fn tables(
        &mut self,
        name: &str,
        act: &ActivationSpec,
        widths: &[u32],
    ) -> Result<Tables, ModelError> {
        let bits = |&width: &u32| act.table_bits(width);
        let limit = act.function.reader().max_width();
        if let Some(bits) = widths.iter().map(bits).max()
            && bits > limit
        {
            return Err(ModelError::TableTooWide {
                layer: name.to_owned(),
                bits,
                limit,
            });
        }
        let sizes: Vec<usize> = widths.iter().map(|width| 1 << bits(width)).collect();
        let shape = [sizes.iter().sum()];
        let range = act.function.range(act.output);
        let entries: Vec<i16> = self.integers(&format!("{name}.tables"), &shape, |_| range)?;
        let mut rest = entries.as_slice();
        Ok(Tables::new(sizes.iter().map(|&size| {
            let (table, behind) = rest.split_at(size);
            rest = behind;
            table
        })))
    }
}
