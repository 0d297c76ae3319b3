//! The tensors of a model file, checked as they are read.

use std::collections::BTreeSet;

use ndarray::Array2;
use safetensors::SafeTensors;

use super::tensors::{Value, values};
use crate::client::{Affine, is_scale};
use crate::encoder::{Encoder, Norm, Ties};
use crate::error::ModelError;
use crate::part::Part;
use crate::spec::flow::Readers;
use crate::spec::{ActivationSpec, Spec, Tensor};
use crate::widths::Range;

/// A layer whose integers are to be read.
pub(crate) struct Place<'a> {
    pub(crate) spec: &'a Spec,
    /// The layers that read each tensor of the declaration.
    pub(crate) readers: &'a Readers<'a>,
    /// The facts of every tensor of the declaration.
    pub(crate) facts: &'a [Tensor],
    /// The integers of the layers before it.
    pub(crate) parts: &'a [Part],
}

impl<'a> Place<'a> {
    /// The index of the layer.
    pub(crate) fn index(&self) -> usize {
        self.parts.len()
    }

    /// The name of its field.
    pub(crate) fn name(&self) -> &'a str {
        &self.spec.layers[self.index()].name
    }

    /// The tensors that it reads.
    pub(crate) fn sources(&self) -> Vec<usize> {
        self.spec.sources(self.index())
    }

    /// The activation that reads its result, if one does.
    pub(crate) fn reader(&self) -> Option<&'a ActivationSpec> {
        self.readers.activation(self.index())
    }

    /// The facts of the tensor that it reads first.
    pub(crate) fn first(&self) -> &'a Tensor {
        &self.facts[self.sources()[0]]
    }
}

/// A file, and the tensors that were read from it.
pub(crate) struct ModelReader<'a> {
    file: &'a SafeTensors<'a>,
    read: BTreeSet<String>,
    /// The rule by which the model was rounded.
    ties: Ties,
}

impl<'a> ModelReader<'a> {
    /// A reader that has not read anything yet.
    pub(super) fn new(file: &'a SafeTensors<'a>, ties: Ties) -> Self {
        ModelReader {
            file,
            read: BTreeSet::new(),
            ties,
        }
    }

    /// A tensor of the file that was not read.
    pub(super) fn left(&self) -> Option<&'a str> {
        let mut names = self.file.names().into_iter();
        names.find(|&name| !self.read.contains(name))
    }

    fn values<T: Value>(&mut self, name: &str, shape: &[usize]) -> Result<Vec<T>, ModelError> {
        self.read.insert(name.to_owned());
        values(self.file, name, shape)
    }

    /// Integers within `range(index)`.
    pub(crate) fn integers<T: Value + Copy + Into<i64>>(
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
    pub(crate) fn reals(
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

    /// The part of a layer without integers of its own: the meaning of those that it reads.
    pub(crate) fn sources(&mut self, place: &Place<'_>) -> Result<Part, ModelError> {
        Ok(Part::Sources(self.meanings(place)?.into()))
    }

    /// The meaning of the integers of each tensor that a layer reads.
    pub(crate) fn meanings(&mut self, place: &Place<'_>) -> Result<Vec<Encoder>, ModelError> {
        let tensor = format!("{}.input", place.name());
        let sources = place.sources();
        let count = |&source: &usize| match source {
            0 => place.spec.input.scale_count(),
            _ => 1,
        };
        let all = 2 * sources.iter().map(count).sum::<usize>();
        let pairs = self.reals(&tensor, all, "must be finite", f64::is_finite)?;
        let (mut pairs, _) = pairs.as_chunks::<2>();
        let mut meanings = Vec::with_capacity(sources.len());
        for source in &sources {
            let (own, others) = pairs.split_at(count(source));
            let first = all / 2 - pairs.len();
            pairs = others;
            let levels = place.facts[*source].range;
            let affine = |(index, &[scale, zero]): (usize, &[f64; 2])| {
                let zero_point = zero as i64;
                let (place, needs) = if !is_scale(scale) {
                    (0, "must be positive")
                } else if zero_point as f64 != zero || !levels.contains(zero_point) {
                    (1, "must be an integer in the range of the layer's inputs")
                } else {
                    return Ok(Affine { scale, zero_point });
                };
                Err(ModelError::TensorValue {
                    tensor: tensor.clone(),
                    index: 2 * (first + index) + place,
                    value: [scale, zero][place],
                    needs,
                })
            };
            let affines: Result<Vec<Affine>, _> = own.iter().enumerate().map(affine).collect();
            meanings.push(Encoder {
                ties: self.ties,
                affines: affines?.into(),
                norms: match source {
                    0 => self.norms(place.spec)?.into(),
                    _ => Vec::new().into(),
                },
            });
        }
        Ok(meanings)
    }

    /// The normalization of the input, if the file has one: the tensors `input.mean` and `input.std`.
    fn norms(&mut self, spec: &Spec) -> Result<Vec<Norm>, ModelError> {
        let [mean, std] = ["input.mean", "input.std"];
        let Ok(view) = self.file.tensor(mean) else {
            return Ok(Vec::new());
        };
        let (count, values) = (view.shape().iter().product::<usize>(), spec.input_len());
        if count == 0 || !values.is_multiple_of(count) {
            return Err(ModelError::TensorShape {
                tensor: mean.to_owned(),
                expected: vec![values],
                actual: view.shape().to_vec(),
            });
        }
        let means = self.reals(mean, count, "must be finite", f64::is_finite)?;
        let stds = self.reals(std, count, "must be positive", is_scale)?;
        let pairs = means.into_iter().zip(stds);
        Ok(pairs.map(|(mean, std)| Norm { mean, std }).collect())
    }

    /// Weights of `bits` bits, within a range.
    pub(crate) fn weights(
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
}
