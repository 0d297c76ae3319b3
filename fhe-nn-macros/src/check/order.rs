//! Law 6: linear layers and activations take turns, a linear layer first and last.

use fhe_nn_proof::spec::Overflow;
use fhe_nn_proof::widths::{MAX_TABLE_BITS, Range};

use super::{Reader, Stage};
use crate::ast::{Dense, Kind, Layer, Network};
use crate::errors::{Error, Errors, Place};

/// The chain of linear layers and their readers; `None` if they do not take turns.
pub(super) fn stages<'a>(errors: &mut Errors, network: &'a Network) -> Option<Vec<Stage<'a>>> {
    let layers = &network.layers;
    let Some(last) = layers.last() else {
        errors.push(no_layers(network));
        return None;
    };
    if let Some(first) = layers.first()
        && let Kind::Activation(_) = first.kind
    {
        errors.push(first_is_an_activation(first));
    }
    for pair in layers.windows(2) {
        let [before, layer] = pair else { continue };
        match (&before.kind, &layer.kind) {
            (Kind::Activation(_), Kind::Activation(_)) => {
                errors.push(two_activations(before, layer));
            }
            (Kind::Dense(dense), Kind::Dense(_)) => {
                errors.push(two_linear_layers(network, before, dense, layer));
            }
            (Kind::Dense(dense), Kind::Activation(_)) if core::ptr::eq(layer, last) => {
                errors.push(last_is_an_activation(dense, layer));
            }
            (Kind::Dense(_), Kind::Activation(_)) | (Kind::Activation(_), Kind::Dense(_)) => {}
        }
    }
    errors.is_empty().then(|| chain(network))
}

fn chain(network: &Network) -> Vec<Stage<'_>> {
    let layers = &network.layers;
    let activation = |index: usize| match layers.get(index) {
        Some(Layer {
            name,
            place,
            kind: Kind::Activation(activation),
        }) => Some(Reader {
            name,
            place: *place,
            activation,
        }),
        _ => None,
    };
    layers
        .iter()
        .enumerate()
        .filter_map(|(index, layer)| {
            let Kind::Dense(dense) = &layer.kind else {
                return None;
            };
            let source = index.checked_sub(1).and_then(activation);
            let (range, bits) = match source {
                None => (Range::unsigned(network.input.bits), network.input.bits),
                Some(Reader { activation, .. }) => (
                    activation.function.range(activation.output),
                    activation.output,
                ),
            };
            Some(Stage {
                name: &layer.name,
                dense,
                source: source.map(|source| source.name),
                reader: activation(index + 1),
                range,
                bits,
            })
        })
        .collect()
}

fn no_layers(network: &Network) -> Error {
    let name = network.name();
    let values: usize = network.input.shape.iter().product();
    Error::new(
        Place::of(&network.item.ident),
        format!("`{name}` has no layers, but a network has at least one"),
    )
    .help(format!(
        "add `#[bits(weights = 4)] scores: Dense<{values}, 10>,` to `{name}`"
    ))
}

fn first_is_an_activation(layer: &Layer) -> Error {
    let name = &layer.name;
    Error::new(
        layer.place,
        format!(
            "`{name}` is the first layer, but a network begins with a linear \
            layer"
        ),
    )
    .note(
        "a function of single values needs no encryption: the client \
            applies it before it encrypts",
    )
    .help(format!("remove `{name}`"))
}

fn last_is_an_activation(before: &Dense, layer: &Layer) -> Error {
    let name = &layer.name;
    let wraps = before
        .overflow
        .is_some_and(|word| word.value == Overflow::Wrap);
    let error = Error::new(
        layer.place,
        format!("`{name}` is the last layer, but a network ends with a linear layer"),
    )
    .note(
        "a function of single values needs no encryption: the client \
            applies it after it decrypts",
    );
    let phases = match &layer.kind {
        Kind::Activation(activation) => activation.phases() as usize,
        Kind::Dense(_) => 1,
    };
    if wraps || phases > 1 {
        let values = before.outputs.saturating_mul(phases);
        error.help(format!(
            "add `#[bits(weights = 4)] scores: Dense<{values}, 10>,` after `{name}`"
        ))
    } else {
        error.help(format!("remove `{name}`"))
    }
}

fn two_activations(before: &Layer, layer: &Layer) -> Error {
    let name = &layer.name;
    Error::new(
        layer.place,
        format!(
            "`{name}` follows the activation `{}`, but an activation reads a \
                linear layer",
            before.name
        ),
    )
    .note("two functions of single values, one behind the other, are one")
    .help(format!("remove `{name}`"))
}

fn two_linear_layers(network: &Network, before: &Layer, dense: &Dense, layer: &Layer) -> Error {
    let name = &layer.name;
    let between = if dense
        .overflow
        .is_some_and(|word| word.value == Overflow::Wrap)
    {
        format!("#[bits(output = 3)] {}: Wave,", unused(network, "wave"))
    } else {
        let keys = format!("output = 4, table = {MAX_TABLE_BITS}");
        format!("#[bits({keys})] {}: Identity,", unused(network, "between"))
    };
    Error::new(
        layer.place,
        format!(
            "`{name}` follows the linear layer `{}`, but needs an activation between",
            before.name
        ),
    )
    .note(
        "scales and bias of a linear layer live in the table of the \
        activation behind it",
    )
    .help(format!("add `{between}` before `{name}`"))
}

/// A name for a new field.
fn unused(network: &Network, name: &str) -> String {
    let taken = |name: &str| network.layers.iter().any(|layer| layer.name == name);
    let mut unused = name.to_owned();
    while taken(&unused) {
        unused.push('_');
    }
    unused
}
