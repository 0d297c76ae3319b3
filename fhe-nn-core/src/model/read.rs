//! Reading a model: nothing is believed before it is checked.

use std::collections::BTreeSet;

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{ActivationSpec, DenseSpec, Op, Overflow, Spec};
use fhe_nn_proof::widths::{Range, max_weight};
use ndarray::Array2;
use safetensors::SafeTensors;

use super::tensors::values;
use crate::Error;
use crate::layer::{Linear, Part, Tables};
use crate::quantize::{proved_ranges, shifted_by};

/// The integers of every layer.
pub(super) fn parts(spec: &Spec, file: &SafeTensors<'_>) -> Result<Vec<Part>, Error> {
    let mut reader = Reader {
        file,
        read: BTreeSet::new(),
    };
    let mut parts = Vec::with_capacity(spec.layers.len());
    let mut widths = Vec::new();
    for (index, layer) in spec.layers.iter().enumerate() {
        parts.push(match &layer.op {
            Op::Dense(dense) => {
                let reads = spec.reader(index);
                let linear = reader.linear(&layer.name, dense, reads, spec.range_into(index))?;
                widths.clone_from(&linear.widths);
                Part::Linear(linear)
            }
            Op::Activation(act) if act.function.is_antiperiodic() => Part::Antiperiodic,
            Op::Activation(act) => Part::Tables(reader.tables(&layer.name, act, &widths)?),
        });
    }
    match file
        .names()
        .into_iter()
        .find(|&name| !reader.read.contains(name))
    {
        None => Ok(parts),
        Some(name) => Err(Error::TensorUnknown {
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
    ) -> Result<Vec<T>, Error> {
        self.read.insert(name.to_owned());
        values(self.file, name, shape)
    }

    /// Integers within `range(index)`.
    fn integers<T: super::tensors::Value + Copy + Into<i64>>(
        &mut self,
        name: &str,
        shape: &[usize],
        range: impl Fn(usize) -> Range,
    ) -> Result<Vec<T>, Error> {
        let values: Vec<T> = self.values(name, shape)?;
        for (index, &value) in values.iter().enumerate() {
            let (value, Range { lo, hi }) = (value.into(), range(index));
            if !(lo..=hi).contains(&value) {
                return Err(Error::TensorInteger {
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
    ) -> Result<Vec<f64>, Error> {
        let values: Vec<f64> = self.values(name, &[count])?;
        match values.iter().position(|&x| !is_good(x)) {
            None => Ok(values),
            Some(index) => Err(Error::TensorValue {
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
        dense: &DenseSpec,
        reader: Option<&ActivationSpec>,
        levels: Range,
    ) -> Result<Linear, Error> {
        let tensor = |field: &str| format!("{name}.{field}");
        let (outputs, inputs) = (dense.outputs, dense.inputs);
        let antiperiodic = reader.filter(|act| act.function.is_antiperiodic());

        let max = max_weight(dense.weights);
        let shape = [outputs, inputs];
        let within = |_| Range { lo: -max, hi: max };
        let weights = if dense.weights <= 8 {
            let weights: Vec<i8> = self.integers(&tensor("weights"), &shape, within)?;
            weights.into_iter().map(i16::from).collect()
        } else {
            self.integers(&tensor("weights"), &shape, within)?
        };
        let weights = Array2::from_shape_vec((outputs, inputs), weights)
            .expect("the tensor has the layer's shape");

        let promised = dense.accumulator;
        let (least, most) = match (dense.overflow, antiperiodic) {
            (Overflow::Wrap, _) => (promised, promised),
            (_, Some(act)) => (
                2.max(1 + act.phases.max(1).ilog2()),
                dense.promise(levels, Some(act)),
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
        let phase_range = |j: usize| match (antiperiodic, dense.overflow) {
            (None, _) => Range { lo: 0, hi: 0 },
            (Some(_), Overflow::Wrap) => Range::unsigned(dense.accumulator),
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
        if dense.overflow == Overflow::Checked {
            let needs = |j: usize| shifted_by(proved[j], phases[j]).signed_bits();
            let mut broken = (0..outputs).filter(|&j| needs(j) > widths[j]);
            if let Some(neuron) = broken.next() {
                return Err(Error::AccumulatorBreaks {
                    layer: name.to_owned(),
                    neuron,
                    needs: needs(neuron),
                    promised: widths[neuron],
                    others: broken.count(),
                });
            }
        }

        let positive = |x: f64| x.is_normal() && x > 0.0;
        let input = tensor("input");
        let pair = self.reals(&input, 2, "must be finite", f64::is_finite)?;
        let zero_point = pair[1] as i64;
        let needs = if !positive(pair[0]) {
            Some((0, "must be positive"))
        } else if zero_point as f64 != pair[1] || !levels.contains(zero_point) {
            Some((1, "must be an integer in the range of the layer's inputs"))
        } else {
            None
        };
        if let Some((index, needs)) = needs {
            return Err(Error::TensorValue {
                tensor: input,
                index,
                value: pair[index],
                needs,
            });
        }
        Ok(Linear {
            phases,
            widths,
            scales: self.reals(&tensor("scales"), outputs, "must be positive", positive)?,
            bias: self.reals(&tensor("bias"), outputs, "must be finite", f64::is_finite)?,
            input: Affine {
                scale: pair[0],
                zero_point,
            },
            weights,
        })
    }

    fn tables(
        &mut self,
        name: &str,
        act: &ActivationSpec,
        widths: &[u32],
    ) -> Result<Tables, Error> {
        let bits = |&width: &u32| act.table_bits(width);
        let limit = act.function.reader().max_width();
        if let Some(bits) = widths.iter().map(bits).max()
            && bits > limit
        {
            return Err(Error::TableTooWide {
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
