//! Law 1: shapes agree from layer to layer and with the input.

mod origin;
mod window;

use fhe_nn_proof::spec::{
    ConvSpec, DenseSpec, EmbeddingSpec, Op, Overflow, PoolSpec, Tensor, TensorKind, Window,
};
use fhe_nn_proof::widths::{Range, accumulator_bits};

use super::{Facts, activation};
use crate::ast::{Form, Kind, Layer, Linear, Network, Pool};
use crate::errors::{Error, Errors, Place, Spanned, count};
use crate::layer::{Axes, LayerType};

/// A layer as data, in the shape of what it reads, and whether that shape is known; its accumulators are
/// those of the worst case. Where shapes do not agree, the layer is as if they did.
pub(super) fn agree(
    errors: &mut Errors,
    network: &Network,
    facts: &Facts,
    index: usize,
) -> Option<(Op, bool)> {
    let layer = &network.layers[index];
    let source = layer.sources[0];
    let shape = &facts.tensors[source].shape;
    let mut reads = Reads {
        errors,
        network,
        facts,
        layer,
        known: layer.sources.iter().all(|&source| facts.shaped[source]),
    };
    let op = match &layer.kind {
        Kind::Linear(linear) => match &linear.form {
            Form::Dense { inputs, outputs } => reads.dense(linear, *inputs, *outputs),
            Form::Conv { .. } => reads.convolution(linear, shape)?,
        },
        Kind::Embedding(embedding) => {
            let tokens = network.input.tokens?;
            let vocabulary = tokens.vocabulary;
            if embedding.vocabulary.value != vocabulary {
                let (name, dimension) = (&layer.name, embedding.dimension);
                let law = format!(
                    "`{name}` has vectors for {}, but the vocabulary of the input is {vocabulary}",
                    count(embedding.vocabulary.value, "token")
                );
                let help = format!("write `{name}: Embedding<{vocabulary}, {dimension}>`");
                let error = Error::new(embedding.vocabulary.place, law).help(help);
                reads.errors.push(error);
                reads.known = false;
            }
            Op::Embedding(EmbeddingSpec {
                vocabulary,
                dimension: embedding.dimension,
                positions: network.input.shape.iter().product(),
                encoding: tokens.encoding,
                weights: embedding.weights.value,
            })
        }
        Kind::Activation(act) => Op::Activation(activation(act)),
        Kind::Pool(pool) => reads.pool(pool, shape)?,
        Kind::Combination => reads.combination()?,
    };
    let known = reads.known;
    Some((op, known))
}

/// The facts of a result of which only a dense layer's shape is known.
pub(super) fn unknown(layer: &Layer, first: &Tensor) -> Tensor {
    let (shape, range, kind) = match &layer.kind {
        Kind::Linear(linear) => {
            let bits = linear.accumulator.map_or(8, |width| width.value);
            let shape = vec![linear.form.outputs()];
            (shape, Range::signed(bits), TensorKind::Accumulators)
        }
        Kind::Activation(act) => (vec![1], act.function.range(act.output), TensorKind::Values),
        _ => (vec![1], first.range, TensorKind::Sums),
    };
    Tensor {
        shape,
        range,
        odd: false,
        kind,
    }
}

/// A layer and what it reads.
struct Reads<'a> {
    errors: &'a mut Errors,
    network: &'a Network,
    facts: &'a Facts,
    layer: &'a Layer,
    /// Whether the shapes that come in are known.
    known: bool,
}

impl Reads<'_> {
    fn dense(&mut self, linear: &Linear, inputs: Spanned<usize>, outputs: usize) -> Op {
        let source = self.layer.sources[0];
        let (name, values) = (&self.layer.name, self.facts.tensors[source].len());
        if self.known && values != inputs.value {
            let law = format!(
                "`{name}` takes {}, but gets {values}",
                count(inputs.value, "value")
            );
            let help = format!("write `{name}: Dense<{values}, {outputs}>`");
            self.mismatch(inputs.place, law, help);
        }
        Op::Dense(DenseSpec {
            inputs: inputs.value,
            outputs,
            weights: linear.weights.value,
            accumulator: self.worst_case(inputs.value, linear),
            overflow: overflow(linear),
        })
    }

    fn convolution(&mut self, linear: &Linear, shape: &[usize]) -> Option<Op> {
        let Form::Conv {
            flat,
            inputs,
            outputs,
            taps,
            groups,
        } = &linear.form
        else {
            return None;
        };
        let name = &self.layer.name;
        let area = self.area(shape, *flat)?;
        if self.known && shape[0] != inputs.value {
            let law = format!(
                "`{name}` takes {}, but gets {}",
                count(inputs.value, "channel"),
                shape[0]
            );
            let help = self.rewritten(&[shape[0], outputs.value], taps, groups.value);
            self.mismatch(inputs.place, law, help);
        }
        for (what, channels) in [("input", inputs), ("output", outputs)] {
            if !channels.value.is_multiple_of(groups.value) {
                let law = format!(
                    "{} of `{name}` do not divide its {}",
                    count(groups.value, "group"),
                    count(channels.value, &format!("{what} channel"))
                );
                let divisor = (1..=groups.value.min(channels.value))
                    .rev()
                    .find(|d| inputs.value.is_multiple_of(*d) && outputs.value.is_multiple_of(*d));
                let channels = [inputs.value, outputs.value];
                let help = self.rewritten(&channels, taps, divisor.unwrap_or(1));
                self.errors.push(Error::new(groups.place, law).help(help));
                return None;
            }
        }
        let window = self.window(
            taps,
            *flat,
            area,
            (inputs.value, outputs.value, groups.value),
        )?;
        Some(Op::Conv(ConvSpec {
            window,
            flat: *flat,
            weights: linear.weights.value,
            accumulator: self.worst_case(window.taps(), linear),
            overflow: overflow(linear),
        }))
    }

    fn pool(&mut self, pool: &Pool, shape: &[usize]) -> Option<Op> {
        let flat = match (pool.axes, shape.len()) {
            (Axes::One, _) | (Axes::All, ..=2) => true,
            (Axes::Two, _) | (Axes::All, _) => false,
        };
        let area = self.area(shape, flat)?;
        let channels = shape[0];
        let window = match &pool.taps {
            Some(taps) => self.window(taps, flat, area, (channels, channels, channels))?,
            None => Window {
                kernel: area,
                input: area,
                groups: channels,
                ..Window::each(channels, channels, 1)
            },
        };
        let kind = pool.kind;
        Some(Op::Pool(PoolSpec { window, flat, kind }))
    }

    fn combination(&mut self) -> Option<Op> {
        let shapes = self
            .layer
            .sources
            .iter()
            .map(|&source| &self.facts.tensors[source].shape);
        let shapes: Vec<&Vec<usize>> = shapes.collect();
        let (op, what) = match self.layer.layer_type {
            LayerType::Add => (Op::Add, "adds"),
            LayerType::Mul => (Op::Mul, "multiplies"),
            LayerType::Concat => (Op::Concat, "puts together"),
            _ => return Some(Op::Flatten),
        };
        let first = shapes[0];
        let own = |shape: &[usize]| match op {
            Op::Concat => shape.iter().skip(1).copied().collect::<Vec<usize>>(),
            _ => shape.to_vec(),
        };
        let other = shapes.iter().find(|shape| own(shape) != own(first));
        if let (true, Some(other)) = (self.known, other) {
            let law = format!(
                "`{}` {what} {first:?} and {other:?}, which do not fit",
                self.layer.name
            );
            let note = match op {
                Op::Concat => "all extents but the first must be the same",
                _ => "all extents must be the same",
            };
            let ways = self.layer.sources.iter().map(|&source| self.way(source));
            let ways: Vec<String> = ways.collect();
            self.errors.push(
                Error::new(self.layer.place_of_sources(), law)
                    .note(format!("{note}\n{}", ways.join("\n")))
                    .help("name fields of one shape"),
            );
            return None;
        }
        Some(op)
    }

    fn mismatch(&mut self, place: Place, law: String, help: String) {
        let note = self.origin();
        self.known = false;
        self.errors
            .push(Error::new(place, law).note(note).help(help));
    }

    fn worst_case(&self, taps: usize, linear: &Linear) -> u32 {
        let range = self.facts.tensors[self.layer.sources[0]].range;
        accumulator_bits(taps, range, linear.weights.value).unwrap_or(63)
    }
}

fn overflow(linear: &Linear) -> Overflow {
    linear.overflow.map_or(Overflow::Checked, |word| word.value)
}
