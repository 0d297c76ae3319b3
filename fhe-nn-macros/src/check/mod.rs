//! The laws: what makes a network that can run encrypted. One function each.
//!
//! Who reads what comes first. Then the facts of every tensor follow from those of the tensors before it,
//! layer by layer ([`fhe_nn_proof::spec::Op::result`]), and every layer is held to the laws of its shape
//! and of its widths: a linear layer with who reads its accumulators is a [`Stage`].

mod antiperiodic;
mod order;
mod readers;
mod shapes;
mod sums;
mod widths;

use std::borrow::Cow;

use fhe_nn_proof::spec::{ActivationSpec, Input, Layer, Op, Overflow, Rounding, Spec, Tensor};
use fhe_nn_proof::widths::{Range, accumulator_bits, accumulator_bound, max_weight};

use crate::ast::{self, Activation, Form, Kind, Linear, Network};
use crate::errors::{Error, Errors, Place};

/// The specification of a network that keeps every law.
pub(crate) fn check(network: &Network) -> Result<Spec, Vec<Error>> {
    let mut errors = Errors::new();
    order::check(&mut errors, network);
    if errors.is_empty() {
        readers::check(&mut errors, network);
    }
    let ops = errors.is_empty().then(|| {
        let mut facts = Facts::of_input(network);
        let mut ops = Vec::with_capacity(network.layers.len());
        for index in 0..network.layers.len() {
            ops.push(layer(&mut errors, network, &mut facts, index));
        }
        ops
    });
    let ops = ops.and_then(|ops| ops.into_iter().collect::<Option<Vec<Op>>>());
    errors.finish(ops.map(|ops| spec(network, ops)))
}

/// What is known of every tensor so far; of none behind a mistake in its shape is the shape.
struct Facts {
    tensors: Vec<Tensor>,
    shaped: Vec<bool>,
    /// Weights of a neuron, of a linear layer.
    taps: Vec<usize>,
}

impl Facts {
    fn of_input(network: &Network) -> Self {
        Facts {
            tensors: vec![input(network).tensor()],
            shaped: vec![true],
            taps: vec![1],
        }
    }

    fn push(&mut self, tensor: Tensor, shaped: bool, taps: usize) {
        self.tensors.push(tensor);
        self.shaped.push(shaped);
        self.taps.push(taps);
    }
}

/// Holds a layer to the laws; the layer as data.
fn layer(errors: &mut Errors, network: &Network, facts: &mut Facts, index: usize) -> Option<Op> {
    let layer = &network.layers[index];
    let Some((mut op, shaped)) = shapes::agree(errors, network, facts, index) else {
        facts.push(
            shapes::unknown(layer, &facts.tensors[layer.sources[0]]),
            false,
            1,
        );
        return None;
    };
    let mut phases_fit = true;
    if let (Kind::Linear(linear), Some(spec)) = (&layer.kind, op.linear()) {
        let stage = Stage::new(network, facts, index, linear, spec.taps);
        // a law about an accumulator that fails says all there is to say about its table
        let fits = antiperiodic::wrap_needs_an_antiperiodic_reader(errors, &stage)
            && antiperiodic::wave_needs_wrap(errors, &stage)
            && widths::accumulator_fits(errors, &stage)
            && widths::table_fits(errors, &stage)
            && widths::output_fits(errors, &stage);
        if fits {
            widths::rounding_has_bits_to_drop(errors, &stage);
            antiperiodic::phases_divide_half_a_period(errors, &stage);
        }
        set_accumulator(&mut op, stage.width());
    } else if let Kind::Activation(act) = &layer.kind {
        let before = layer.sources[0]
            .checked_sub(1)
            .map(|index| &network.layers[index]);
        match before.map(|before| (before, &before.kind)) {
            Some((_, Kind::Linear(linear))) => {
                let index = layer.sources[0] - 1;
                let stage = Stage::new(network, facts, index, linear, facts.taps[index + 1]);
                phases_fit = stage.broken_phases().is_none();
            }
            Some((before, _)) => {
                let range = facts.tensors[layer.sources[0]].range;
                phases_fit = sums::table_fits(errors, &before.name, layer, act, range);
            }
            None => {}
        }
    } else {
        sums::tables_between_fit(errors, network, facts, index);
    }
    let last = index + 1 == network.layers.len();
    let operands: Vec<&Tensor> = layer
        .sources
        .iter()
        .map(|&source| &facts.tensors[source])
        .collect();
    let (tensor, known) = match op.result(&operands) {
        Ok(tensor) => (tensor, shaped && phases_fit),
        Err(error) if shaped => {
            let law = format!("`{}` {error}", layer.name);
            errors.push(Error::new(layer.place, law).help("make its sizes smaller"));
            (shapes::unknown(layer, operands[0]), false)
        }
        // a dense layer has the shape that was written, whatever comes in
        Err(_) => (
            shapes::unknown(layer, operands[0]),
            matches!(op, Op::Dense(_)),
        ),
    };
    if last && !matches!(layer.kind, Kind::Linear(_)) {
        sums::output_fits(errors, layer, tensor.range);
    }
    let taps = op.linear().map_or(1, |linear| linear.taps);
    facts.push(tensor, known, taps);
    Some(op)
}

fn set_accumulator(op: &mut Op, width: u32) {
    match op {
        Op::Dense(dense) => dense.accumulator = width,
        Op::Conv(conv) => conv.accumulator = width,
        _ => {}
    }
}

/// A linear layer with what it reads and who reads it.
struct Stage<'a> {
    name: &'a str,
    linear: &'a Linear,
    /// Weights of a neuron.
    taps: usize,
    /// What it reads; `None` for the input.
    source: Option<&'a str>,
    /// The activation behind it; `None` for the last stage, which the client decrypts.
    reader: Option<Reader<'a>>,
    /// The range of the values that it reads.
    range: Range,
    /// Width of these values, if they are results of an activation, or the input.
    bits: Option<u32>,
}

/// An activation that reads accumulators.
#[derive(Clone, Copy)]
struct Reader<'a> {
    name: &'a str,
    place: Place,
    activation: &'a Activation,
}

impl<'a> Stage<'a> {
    fn new(
        network: &'a Network,
        facts: &Facts,
        index: usize,
        linear: &'a Linear,
        taps: usize,
    ) -> Self {
        let source = network.layers[index].sources[0];
        let before = source.checked_sub(1).map(|index| &network.layers[index]);
        let reader = network.layers.iter().find_map(|layer| match &layer.kind {
            Kind::Activation(activation) if layer.sources.contains(&(index + 1)) => Some(Reader {
                name: &layer.name,
                place: layer.place,
                activation,
            }),
            _ => None,
        });
        Stage {
            name: &network.layers[index].name,
            linear,
            taps,
            source: before.map(|layer| layer.name.as_str()),
            reader,
            range: facts.tensors[source].range,
            bits: match before.map(|layer| &layer.kind) {
                None => Some(network.input.bits),
                Some(Kind::Activation(act)) => Some(act.output),
                Some(_) => None,
            },
        }
    }

    /// Width of the accumulator in the worst case.
    fn worst_case(&self) -> u32 {
        accumulator_bits(self.taps, self.range, self.linear.weights.value).unwrap_or(63)
    }

    /// Width that the accumulator is held to.
    fn width(&self) -> u32 {
        self.linear
            .accumulator
            .map_or_else(|| self.worst_case(), |accumulator| accumulator.value)
    }

    /// What holds the accumulator to it.
    fn overflow(&self) -> Overflow {
        self.linear
            .overflow
            .map_or(Overflow::Checked, |overflow| overflow.value)
    }

    /// Where the width of the accumulator was written: itself, or the weights that it follows
    /// from.
    fn place(&self) -> Place {
        self.linear.accumulator.unwrap_or(self.linear.weights).place
    }

    /// "64 inputs x 3 (2-bit input) x 3 (3-bit weights) = 576, plus a sign", of a convolution "3 x 3 x 4 = 36
    /// taps x ..".
    fn arithmetic(&self) -> String {
        let weights = self.linear.weights.value;
        let bound = accumulator_bound(self.taps, self.range, weights);
        let bound = bound.map_or("more than 2^64".to_owned(), |bound| bound.to_string());
        let source = match (self.source, self.bits) {
            (None, bits) => format!("{}-bit input", bits.unwrap_or(1)),
            (Some(name), Some(bits)) => format!("{bits}-bit `{name}`"),
            (Some(name), None) => format!("`{name}`"),
        };
        let terms = match &self.linear.form {
            Form::Dense { .. } => count(self.taps, "input"),
            Form::Conv { flat, taps, .. } => {
                let kernel = taps.kernel.value;
                let area = if *flat { kernel } else { kernel * kernel };
                let channels = self.taps / area.max(1);
                let side = if *flat {
                    String::new()
                } else {
                    format!("{kernel} x ")
                };
                format!("{side}{kernel} x {channels} = {}", count(self.taps, "tap"))
            }
        };
        format!(
            "{terms} x {} ({source}) x {} ({weights}-bit weights) = \
                {bound}, plus a sign",
            self.range.max_abs(),
            max_weight(weights),
        )
    }

    /// Of so many values that would fit, "14 inputs", or of a convolution the input channels; `None` if not
    /// one would.
    fn room(&self, values: usize) -> Option<String> {
        let (values, noun) = match &self.linear.form {
            Form::Dense { .. } => (values, "input"),
            Form::Conv { flat, taps, .. } => {
                let kernel = taps.kernel.value;
                let area = if *flat { kernel } else { kernel * kernel };
                (values / area.max(1), "input channel")
            }
        };
        (values > 0).then(|| count(values, noun))
    }
}

/// "1 input", "2 inputs".
fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

fn input(network: &Network) -> Input {
    Input {
        shape: Cow::Owned(network.input.shape.clone()),
        bits: network.input.bits,
        tokens: network.input.tokens,
    }
}

/// An activation as data.
fn activation(act: &Activation) -> ActivationSpec {
    ActivationSpec {
        function: act.function,
        output: act.output,
        table: act.table,
        rounding: act
            .rounding
            .map_or(Rounding::Exact, |rounding| rounding.value),
        phases: act.phases(),
    }
}

/// The network as data.
fn spec(network: &Network, ops: Vec<Op>) -> Spec {
    let layers = network.layers.iter().zip(ops).enumerate();
    let layers = layers.map(|(index, (layer, op)): (usize, (&ast::Layer, Op))| Layer {
        name: Cow::Owned(layer.name.clone()),
        sources: match layer.sources.as_slice() {
            [source] if *source == index => Cow::Borrowed(&[]),
            sources => Cow::Owned(sources.to_vec()),
        },
        op,
    });
    Spec {
        name: Cow::Owned(network.name()),
        input: input(network),
        layers: layers.collect(),
    }
}
