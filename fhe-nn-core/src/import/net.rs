//! The network that an import makes, layer by layer.
//!
//! A linear layer is not written before something reads it other than a function of single values: it and
//! this function are then a linear layer and an activation, and lines between them are in its weights and
//! bias. Batch normalization so disappears. Who reads a linear layer through another function reads another
//! copy of it, as accumulators have one reader; sums cost nothing but their weights.

use std::collections::HashSet;
use std::rc::Rc;

use fhe_nn_proof::spec::{Input, Layer, Op, PoolSpec, Tensor};
use ndarray::ArrayD;

use crate::Floats;

use super::error::{Refusal, refuse};
use super::expr::Expr;
use super::layers::Linear;
use super::names::snake_case;
use super::signal::{Grid, Signal};
use super::tensor::Budget;
use super::values::Values;

/// The network so far. Widths are not yet what they will be.
pub(super) struct Net {
    pub(super) bases: Vec<Base>,
    pub(super) layers: Vec<Layer>,
    /// Of the input and of every layer.
    pub(super) facts: Vec<Tensor>,
    pub(super) floats: Floats,
    /// What a user should know.
    pub(super) notes: Vec<String>,
    /// Widths of inputs and results that the model itself has: tensor and bits.
    pub(super) widths: Vec<(usize, u32)>,
    /// What these results are on: tensor and grid.
    pub(super) grids: Vec<(usize, Grid)>,
    /// Widths of weights that the model itself has: layer and bits.
    pub(super) weights: Vec<(usize, u32)>,
    pub(super) input: Input,
    /// How many weights may still be written, and held before that.
    pub(super) budget: Budget,
    /// Of the `Custom` layers, in their order: names, and what they compute.
    pub(super) functions: Vec<(String, Expr)>,
    /// Of every value of the network's input: its place in the model's. Once something reads it.
    pub(super) arrangement: Option<Vec<u32>>,
    /// Of every value of the model's input: its place in the network's.
    inverse: Vec<u32>,
    pub(super) made: Vec<(usize, Expr, Values)>,
    names: HashSet<String>,
}

/// A tensor, written or not.
pub(super) struct Base {
    /// Extents, channels first.
    pub(super) shape: Vec<usize>,
    pub(super) source: Source,
}

/// Where a tensor comes from.
#[derive(Clone)]
pub(super) enum Source {
    /// The model's input.
    Input,
    /// A layer, or the network's input: by the number of the tensor.
    Tensor(usize),
    /// A linear layer that is not written.
    Linear(Rc<Linear>),
    /// Greatest values of one, by the number of its base.
    MaxPool(usize, PoolSpec),
}

impl Net {
    /// A network of an input in the model's shape.
    pub(super) fn new(shape: &[usize]) -> Self {
        let own = match shape {
            [1, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let input = Input {
            shape: own.to_vec().into(),
            bits: 1,
            tokens: None,
        };
        Net {
            bases: vec![Base {
                shape: own.to_vec(),
                source: Source::Input,
            }],
            layers: Vec::new(),
            facts: vec![input.tensor()],
            floats: Floats::new(),
            notes: Vec::new(),
            widths: Vec::new(),
            grids: Vec::new(),
            weights: Vec::new(),
            input,
            budget: Budget::of_weights(),
            functions: Vec::new(),
            arrangement: None,
            inverse: Vec::new(),
            made: Vec::new(),
            names: HashSet::from(["input".to_owned()]),
        }
    }

    /// A tensor of which nothing is written yet.
    pub(super) fn base(&mut self, shape: Vec<usize>, source: Source) -> usize {
        self.bases.push(Base { shape, source });
        self.bases.len() - 1
    }

    /// A tensor that a layer makes, as a base.
    pub(super) fn written(&mut self, tensor: usize) -> usize {
        let shape = self.facts[tensor].shape.clone();
        self.base(shape, Source::Tensor(tensor))
    }

    /// Channels of a base, and values of each. Of the input, every value may be a channel.
    pub(super) fn channels(&self, base: usize) -> (usize, usize) {
        let Base { shape, source } = &self.bases[base];
        let values: usize = shape.iter().product();
        match source {
            Source::Input => (values, 1),
            _ => (shape[0], values / shape[0].max(1)),
        }
    }

    /// Extents of a base, of the input as it is read.
    pub(super) fn shape(&self, base: usize) -> &[usize] {
        match self.bases[base].source {
            Source::Input => &self.input.shape,
            _ => &self.bases[base].shape,
        }
    }

    /// Fixes in which order the network takes the model's input.
    pub(super) fn arrange(&mut self, shape: &[usize], order: &[u32]) -> Result<(), Refusal> {
        let known = match &self.arrangement {
            Some(known) => known == order && *self.input.shape == *shape,
            None => {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                if !sorted.into_iter().eq(0..self.facts[0].len() as u32) {
                    return refuse(
                        "it reads a part of the input, but only all of it can be arranged",
                    );
                }
                true
            }
        };
        if !known {
            return refuse("it reads the input in another shape than a node before it");
        }
        if self.arrangement.is_none() {
            if !order.iter().copied().eq(0..order.len() as u32) {
                let text = "the network takes inputs channels first";
                self.notes.push(format!("{text}: {shape:?}"));
            }
            self.input.shape = shape.to_vec().into();
            self.facts[0] = self.input.tensor();
            self.inverse = vec![0; order.len()];
            for (own, &of_model) in order.iter().enumerate() {
                self.inverse[of_model as usize] = own as u32;
            }
            self.arrangement = Some(order.to_vec());
        }
        Ok(())
    }

    /// Of every value of the input, its place in the model's; `None` if it is the same.
    pub(super) fn order(&self) -> Option<Vec<usize>> {
        let order = self.arrangement.as_ref()?;
        let moved = !order.iter().copied().eq(0..order.len() as u32);
        moved.then(|| order.iter().map(|&place| place as usize).collect())
    }

    /// Whether the input is read yet.
    pub(super) fn is_arranged(&self) -> bool {
        self.arrangement.is_some()
    }

    /// The same places in the tensor that is written.
    pub(super) fn places(&self, signal: &Signal) -> ArrayD<u32> {
        match &self.bases[signal.base].source {
            Source::Input if !self.inverse.is_empty() => {
                let own = |place: u32| self.inverse.get(place as usize).copied();
                signal.places.mapv(|place| own(place).unwrap_or(place))
            }
            _ => (*signal.places).clone(),
        }
    }

    /// A layer that reads tensors; the number of its result.
    pub(super) fn push(
        &mut self,
        name: &str,
        sources: Vec<usize>,
        op: Op,
    ) -> Result<usize, Refusal> {
        let operands: Vec<&Tensor> = sources.iter().map(|&tensor| &self.facts[tensor]).collect();
        let facts = match op.result(&operands) {
            Ok(facts) => facts,
            Err(error) => return refuse(error.to_string()),
        };
        let name = self.unused(name);
        let before = [self.layers.len()];
        self.layers.push(Layer {
            name: name.into(),
            sources: match sources == before {
                true => Vec::new().into(),
                false => sources.into(),
            },
            op,
        });
        self.facts.push(facts);
        Ok(self.layers.len())
    }

    pub(super) fn unused(&mut self, name: &str) -> String {
        let name = snake_case(name);
        let mut unused = name.clone();
        let mut count = 1;
        while !self.names.insert(unused.clone()) {
            count += 1;
            unused = format!("{name}{count}");
        }
        unused
    }
}
