//! The network so far: its input, tensors and layers.

use std::collections::HashSet;
use std::rc::Rc;

use fhe_nn_proof::client::Outputs;
use fhe_nn_proof::spec::{Input, Layer, Op, PoolSpec, Scales, Tensor};

use super::names::snake_case;
use super::pending::{ClientValues, PendingLinear};
use super::tail::Tail;
use crate::Floats;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line};
use crate::import::place::Grid;

/// The network so far. Its widths are not yet the final ones.
pub(crate) struct Net {
    pub(crate) bases: Vec<Base>,
    pub(crate) layers: Vec<Layer>,
    /// The tensors: the input, then the result of every layer.
    pub(crate) facts: Vec<Tensor>,
    pub(crate) floats: Floats,
    /// What the user should know, a line each.
    pub(crate) notes: Vec<String>,
    /// The widths of inputs and results that the model itself has: tensor and bits.
    pub(crate) widths: Vec<(usize, u32)>,
    /// The grids of these inputs and results: tensor and grid.
    pub(crate) grids: Vec<(usize, Grid)>,
    /// The quantized functions of bases that are written, and the tensors that they became.
    pub(super) on_grids: Vec<(usize, Expr, Grid, usize)>,
    /// The tensors whose own width is too wide for what reads them.
    pub(super) narrowed: Vec<usize>,
    /// The widths of weights that the model itself has: layer and bits.
    pub(crate) weights: Vec<(usize, u32)>,
    pub(crate) input: Input,
    /// The least and the greatest integer of the model's input, if its type has integers of at most 16 bits.
    pub(crate) input_levels: Option<(i64, i64)>,
    /// The number of weights that may still be written, or held before that.
    pub(crate) budget: Budget,
    /// The functions of the `Custom` layers, in their order: name and expression.
    pub(crate) functions: Vec<(String, Expr)>,
    /// The place that every value of the network's input has in the model's, once something reads the input.
    pub(super) arrangement: Option<Vec<u32>>,
    /// The place that every value of the model's input has in the network's.
    pub(super) inverse: Vec<u32>,
    /// The line with which the model first reads its input, which the client computes.
    pub(super) normalization: Option<Line>,
    /// What the client makes of the scores, once the network is at its end.
    pub(super) outputs: Option<Outputs>,
    /// What is left to the client after the outputs.
    pub(crate) tail: Tail,
    /// What is already written, by base and function.
    pub(super) made: Vec<(usize, Expr, Written)>,
    names: HashSet<String>,
}

/// A tensor that views refer to, whether it is written or not.
pub(crate) struct Base {
    /// The extents, channels first.
    pub(crate) shape: Vec<usize>,
    pub(crate) source: Source,
}

/// The origin of a tensor.
#[derive(Clone)]
pub(crate) enum Source {
    /// The model's input.
    Input,
    /// A layer, or the network's input: the index of the tensor.
    Tensor(usize),
    /// The same, with every value as a channel of its own.
    Each(usize),
    /// A linear layer that is not yet written.
    Linear(Rc<PendingLinear>),
    /// A maximum over windows of such a layer, which has this base.
    MaxPool(usize, PoolSpec),
    /// What the client makes of scores.
    Client(Rc<ClientValues>),
}

/// A tensor that is written, and the line that its values still go through.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) tensor: usize,
    pub(crate) line: Line,
    /// The number of consecutive values that share one slope and offset.
    pub(crate) positions: usize,
}

impl Net {
    /// A network with no layers, whose input has the model's shape.
    pub(crate) fn new(shape: &[usize]) -> Self {
        let own = match shape {
            [1, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let input = Input {
            shape: own.to_vec().into(),
            bits: 1,
            tokens: None,
            scales: Scales::One,
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
            on_grids: Vec::new(),
            narrowed: Vec::new(),
            weights: Vec::new(),
            input,
            input_levels: None,
            budget: Budget::of_weights(),
            functions: Vec::new(),
            arrangement: None,
            inverse: Vec::new(),
            normalization: None,
            outputs: None,
            tail: Tail::default(),
            made: Vec::new(),
            names: HashSet::from(["input".to_owned()]),
        }
    }

    /// The base of a new tensor.
    pub(crate) fn base(&mut self, shape: Vec<usize>, source: Source) -> usize {
        self.bases.push(Base { shape, source });
        self.bases.len() - 1
    }

    /// The base of a tensor that a layer makes.
    pub(crate) fn base_of(&mut self, tensor: usize) -> usize {
        let shape = self.facts[tensor].shape.clone();
        self.base(shape, Source::Tensor(tensor))
    }

    /// The number of channels of a base, and of values in each. Every value of the input may be a channel.
    pub(crate) fn channels(&self, base: usize) -> (usize, usize) {
        let Base { shape, source } = &self.bases[base];
        let values: usize = shape.iter().product();
        match source {
            Source::Input | Source::Each(_) => (values, 1),
            _ => (shape[0], values / shape[0].max(1)),
        }
    }

    /// The extents of a base; those of the input are as it is read.
    pub(crate) fn shape(&self, base: usize) -> &[usize] {
        match self.bases[base].source {
            Source::Input => &self.input.shape,
            _ => &self.bases[base].shape,
        }
    }

    /// Appends a layer that reads tensors; the result is the index of the tensor that it makes.
    pub(crate) fn push(
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
            sources: if sources == before {
                Vec::new().into()
            } else {
                sources.into()
            },
            op,
        });
        self.facts.push(facts);
        Ok(self.layers.len())
    }

    /// The layer that makes a tensor; `None` for the input.
    pub(super) fn maker(&self, tensor: usize) -> Option<&Layer> {
        tensor.checked_sub(1).map(|index| &self.layers[index])
    }

    /// The tensors that the layer with an index reads.
    pub(super) fn sources(&self, index: usize) -> Vec<usize> {
        match &*self.layers[index].sources {
            [] => vec![index],
            sources => sources.to_vec(),
        }
    }

    /// The name of the layer that makes a tensor, or of the input.
    pub(super) fn name_of(&self, tensor: usize) -> &str {
        self.maker(tensor).map_or("input", |layer| &layer.name)
    }

    /// A field name that is not used yet, made of the name that the model uses.
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
