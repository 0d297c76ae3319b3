//! The laws: what makes a network that can run encrypted. One function each.
//!
//! Which layer reads which tensor is checked first. Then the facts of every tensor follow from those of the
//! tensors before it, layer by layer ([`fhe_nn_proof::spec::Op::result`]), and every layer is held to the
//! laws of its shape and of its widths: a linear layer with the reader of its accumulators is a [`Stage`].

mod antiperiodic;
mod facts;
mod order;
mod readers;
pub(crate) mod reads;
mod shapes;
mod stage;
mod sums;
mod widths;

use std::borrow::Cow;

use fhe_nn_proof::spec::{FlowError, Input, Interface, Layer, Op, Scales, Spec};

use self::facts::Facts;
use self::stage::Stage;
use crate::ast::{self, Network};
use crate::errors::{Error, Errors};
use crate::layers::Kind;

/// The specification of a network that keeps every law.
pub(crate) fn check(network: &Network) -> Result<Spec, Vec<Error>> {
    let mut errors = Errors::new();
    order::check(&mut errors, network);
    if errors.is_empty() {
        readers::check(&mut errors, network);
    }
    let ops = errors.is_empty().then(|| {
        let mut facts = Facts::of_input(input(network).tensor());
        let mut ops = Vec::with_capacity(network.layers.len());
        for index in 0..network.layers.len() {
            ops.push(layer(&mut errors, network, &mut facts, index));
        }
        ops
    });
    let ops = ops.and_then(|ops| ops.into_iter().collect::<Option<Vec<Op>>>());
    let spec = ops.map(|ops| spec(network, ops));
    if errors.is_empty()
        && let Some(Err((index, error))) = spec.as_ref().map(Spec::flow)
    {
        // what holds for each layer may not hold for all of them together
        errors.push(too_large(network, index, &error));
    }
    errors.finish(spec)
}

/// The error for a layer whose sizes are too large.
fn too_large(network: &Network, index: usize, error: &FlowError) -> Error {
    let layer = &network.layers[index];
    let law = format!("`{}` {error}", layer.name);
    Error::new(layer.place, law).help("make its sizes smaller")
}

/// Holds a layer to the laws, and returns it as data.
fn layer(errors: &mut Errors, network: &Network, facts: &mut Facts, index: usize) -> Option<Op> {
    let layer = &network.layers[index];
    let Some((mut op, shaped)) = shapes::agree(errors, network, facts, index) else {
        let unknown = layer.kind.unknown(&facts.tensors[layer.sources[0]]);
        facts.push(unknown, false, 1);
        return None;
    };
    let (mut phases_fit, mut widths_fit) = (true, true);
    if let (Kind::Linear(linear), Some(spec)) = (&layer.kind, op.linear()) {
        let stage = Stage::new(network, facts, index, linear, spec.taps);
        // if an accumulator breaks a law, that says all there is to say about its table
        let fits = antiperiodic::wrap_needs_an_antiperiodic_reader(errors, &stage)
            && antiperiodic::wave_needs_wrap(errors, &stage)
            && widths::accumulator_fits(errors, &stage)
            && widths::table_fits(errors, &stage)
            && widths::output_fits(errors, &stage);
        if fits {
            widths::rounding_has_bits_to_drop(errors, &stage);
            antiperiodic::phases_divide_half_a_period(errors, &stage);
        }
        widths_fit = fits;
        if let Some((accumulator, _)) = op.held_mut() {
            *accumulator = stage.width();
        }
    } else if let Kind::Activation(act) = &layer.kind {
        let before = layer.sources[0]
            .checked_sub(1)
            .map(|index| &network.layers[index]);
        match before.map(|before| &before.kind) {
            Some(Kind::Linear(linear)) => {
                let index = layer.sources[0] - 1;
                let stage = Stage::new(network, facts, index, linear, facts.taps[index + 1]);
                phases_fit = stage.broken_phases().is_none();
            }
            Some(_) => phases_fit = sums::table_fits(errors, network, facts, index, act),
            None => {}
        }
    } else {
        widths_fit = sums::tables_between_fit(errors, network, facts, index, &op);
    }
    let last = index + 1 == network.layers.len();
    let operands = sums::operands(network, facts, index);
    let (tensor, known) = match op.result(&operands) {
        Ok(tensor) => (tensor, shaped && phases_fit),
        Err(error) if shaped && widths_fit => {
            errors.push(match error {
                FlowError::Sums(range) => {
                    sums::too_wide(network, facts, index, &op, (&error, range))
                }
                _ => too_large(network, index, &error),
            });
            (layer.kind.unknown(operands[0]), false)
        }
        // a dense layer has the shape that was written, whatever comes in
        Err(_) => (layer.kind.unknown(operands[0]), matches!(op, Op::Dense(_))),
    };
    if last && !matches!(layer.kind, Kind::Linear(_)) {
        sums::output_fits(errors, network, facts, index, &op, tensor.range);
    }
    if let Some(scales) = network.input.scales.filter(|_| layer.sources.contains(&0))
        && let Err(error) = op.check_scales(scales.value)
    {
        let law = format!("`{}` {error}", layer.name);
        let help = match (&op, scales.value) {
            (Op::Conv(conv), Scales::PerValue) if conv.window.groups == 1 => {
                "write `scales = per_channel` on the input"
            }
            _ => "write `scales = one` on the input, or leave `scales` out",
        };
        errors.push(Error::new(scales.place, law).help(help));
    }
    let taps = op.linear().map_or(1, |linear| linear.taps);
    facts.push(tensor, known, taps);
    Some(op)
}

fn input(network: &Network) -> Input {
    Input {
        shape: Cow::Owned(network.input.shape.clone()),
        bits: network.input.bits,
        tokens: network.input.tokens,
        scales: network
            .input
            .scales
            .map_or(Scales::One, |scales| scales.value),
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
        interface: Interface::OWN,
    }
}
