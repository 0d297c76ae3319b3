//! Accumulators where values are read: an activation must stand between.

use fhe_nn_proof::plan::advised_table_bits;
use fhe_nn_proof::spec::{Combine, Overflow};
use fhe_nn_proof::widths::Reader;

use crate::ast::{Layer, Network};
use crate::errors::Error;
use crate::layers::{Kind, Linear, Makes};

/// The error of field `index`, which reads the accumulators of a linear layer, tensor `source`.
pub(super) fn missing(network: &Network, source: usize, linear: &Linear, index: usize) -> Error {
    let layer = &network.layers[index];
    let (name, found) = (&layer.name, network.tensor_name(source));
    let law =
        format!("`{name}` reads the accumulators of `{found}`, but needs an activation between");
    let help = swapped(network, index).unwrap_or_else(|| added(network, source, linear, index));
    Error::new(layer.reads_at(source), law)
        .note("scales and bias of a linear layer live in the table of the activation after it")
        .help(help)
}

/// The advice to put a field after the activation that comes next, if it may stand there as well.
fn swapped(network: &Network, index: usize) -> Option<String> {
    let layer = &network.layers[index];
    if !moves(layer) {
        return None;
    }
    let mut last = index;
    let (after, function) = loop {
        let mut layers = network.layers.iter().enumerate();
        let (next, reader) = layers.find(|(_, other)| other.sources == [last + 1])?;
        match &reader.kind {
            Kind::Activation(act) => break (&reader.name, act.function),
            _ if moves(reader) => last = next,
            _ => return None,
        }
    };
    let put = format!("put `{}` after `{after}`", layer.name);
    Some(match (&layer.kind, function.is_monotone()) {
        (Kind::Pool(_), true) => format!("{put}: the greatest is the same"),
        (Kind::Pool(_), false) => format!(
            "{put}, and train again: `{}` does not only grow, so the greatest is another",
            function.name()
        ),
        _ => format!("{put}: the values are the same"),
    })
}

/// Whether a layer only passes on values of the one tensor that it reads.
fn moves(layer: &Layer) -> bool {
    layer.kind.makes() == Makes::Choice || matches!(layer.kind, Kind::Combine(Combine::Flatten))
}

/// The edit that puts an activation in between.
fn added(network: &Network, source: usize, linear: &Linear, index: usize) -> String {
    let layer = &network.layers[index];
    let (keys, name, function) = if wraps(linear) {
        ("output = 3".to_owned(), "wave", "Wave")
    } else {
        let table = advised_table_bits(Reader::Padded);
        let keys = format!("output = 4, table = {table}");
        (keys, "between", "Identity")
    };
    let name = unused(network, name);
    let from = if source == index {
        String::new()
    } else {
        format!("#[from({})] ", network.tensor_name(source))
    };
    let add = format!(
        "add `{from}#[bits({keys})] {name}: {function},` before `{}`",
        layer.name
    );
    match layer.from {
        None => add,
        Some(_) => {
            let renamed = |&read: &usize| {
                if read == source {
                    name.as_str()
                } else {
                    network.tensor_name(read)
                }
            };
            let names: Vec<&str> = layer.sources.iter().map(renamed).collect();
            format!("{add}, and write `#[from({})]` there", names.join(", "))
        }
    }
}

/// Whether accumulators wrap.
pub(super) fn wraps(linear: &Linear) -> bool {
    linear.overflow() == Overflow::Wrap
}

/// A name for a new field.
pub(super) fn unused(network: &Network, name: &str) -> String {
    let taken = |name: &str| network.layers.iter().any(|layer| layer.name == name);
    let mut unused = name.to_owned();
    while taken(&unused) {
        unused.push('_');
    }
    unused
}
