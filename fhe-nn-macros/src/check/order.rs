//! Law 6: who may read what. Tables read accumulators and sums, all others values and sums; a network ends
//! with sums.

use fhe_nn_proof::spec::{Overflow, Pool};
use fhe_nn_proof::widths::MAX_TABLE_BITS;

use crate::ast::{Kind, Layer, Linear, Network};
use crate::errors::{Error, Errors, Place};
use crate::layer::LayerType;

/// Says what cannot read what it reads.
pub(super) fn check(errors: &mut Errors, network: &Network) {
    let layers = &network.layers;
    let Some(last) = layers.last() else {
        errors.push(no_layers(network));
        return;
    };
    let sums = sums(network);
    for layer in layers {
        for &source in &layer.sources {
            let before = source.checked_sub(1).map(|index| &layers[index]);
            let error = match (before, &layer.kind) {
                (None, Kind::Activation(_)) => Some(first_is_an_activation(layer)),
                (None, _) => tokens(network, layer),
                (Some(before), _) => reads(network, before, sums[source], layer),
            };
            if let Some(error) = error {
                errors.push(error);
                break;
            }
        }
    }
    match &last.kind {
        Kind::Activation(_) if errors.is_empty() => {
            let before = last.sources[0].checked_sub(1).map(|index| &layers[index]);
            errors.push(last_is_an_activation(before, last));
        }
        Kind::Activation(_) | Kind::Linear(_) => {}
        _ if sums[layers.len()] => {}
        Kind::Embedding(_) | Kind::Pool(_) | Kind::Combination => errors.push(
            Error::new(
                last.place,
                format!(
                    "`{}` is the last layer, but a network ends with sums",
                    last.name
                ),
            )
            .note("what the client decrypts are accumulators of a linear layer, or sums of values")
            .help(format!("add a `Dense` after `{}`, or remove it", last.name)),
        ),
    }
}

/// Tokens are read by an `Embedding`, and nothing else by it.
fn tokens(network: &Network, layer: &Layer) -> Option<Error> {
    let name = &layer.name;
    match (&network.input.tokens, &layer.kind) {
        (None, Kind::Embedding(embedding)) => Some(
            Error::new(
                layer.place,
                format!("`{name}` reads tokens, but the input has numbers"),
            )
            .note("a token is one of a vocabulary, which the client encrypts as one 1 among as many 0")
            .help(format!(
                "declare the input as in `input(shape = [24], vocabulary = {})`",
                embedding.vocabulary.value
            )),
        ),
        (Some(_), kind) if !matches!(kind, Kind::Embedding(_)) => Some(
            Error::new(
                layer.place,
                format!("`{name}` reads numbers, but the input has tokens"),
            )
            .note("the number of a token says nothing of its meaning; an `Embedding` gives each a vector")
            .help(format!("add an `Embedding` before `{name}`")),
        ),
        _ => None,
    }
}

/// Whether a layer can read the result of another, which are sums or not.
fn reads(network: &Network, before: &Layer, sums: bool, layer: &Layer) -> Option<Error> {
    let (name, found) = (&layer.name, &before.name);
    match (&before.kind, &layer.kind) {
        (_, Kind::Embedding(_)) => Some(
            Error::new(
                layer.place,
                format!("`{name}` reads tokens, but `{found}` has none"),
            )
            .help("put the `Embedding` first: only the input has tokens"),
        ),
        (Kind::Linear(_), Kind::Activation(_)) => None,
        (Kind::Activation(_), Kind::Activation(_)) => Some(two_activations(before, layer)),
        // a layer that cannot read what it reads says so itself
        (Kind::Pool(_) | Kind::Combination, Kind::Activation(_))
            if of_accumulators(network, before) =>
        {
            None
        }
        (_, Kind::Activation(_)) if !sums => Some(
            Error::new(
                layer.place,
                format!("`{name}` follows `{found}`, but an activation reads sums"),
            )
            .note(format!(
                "`{found}` has values that an activation made, and two functions are one"
            ))
            .help(format!("remove `{name}`")),
        ),
        (Kind::Linear(linear), Kind::Linear(_)) => {
            Some(two_linear_layers(network, before, linear, layer))
        }
        (Kind::Linear(linear), _) => Some(accumulators(network, before, linear, layer)),
        _ => None,
    }
}

/// Whether a layer reads accumulators.
fn of_accumulators(network: &Network, layer: &Layer) -> bool {
    let mut sources = layer
        .sources
        .iter()
        .filter_map(|source| source.checked_sub(1));
    sources.any(|index| matches!(network.layers[index].kind, Kind::Linear(_)))
}

/// Of every tensor, whether it has sums of values: a layer adds them up, or only rearranges such sums.
fn sums(network: &Network) -> Vec<bool> {
    let mut sums = vec![false];
    for layer in &network.layers {
        let mut before = layer.sources.iter();
        sums.push(match (&layer.kind, layer.layer_type) {
            (Kind::Pool(pool), _) => pool.kind == Pool::Average,
            (Kind::Combination, LayerType::Concat | LayerType::Flatten) => {
                before.all(|&source| sums[source])
            }
            (Kind::Combination, _) => true,
            (Kind::Linear(_) | Kind::Embedding(_) | Kind::Activation(_), _) => false,
        });
    }
    sums
}

/// Accumulators where values are read.
fn accumulators(network: &Network, before: &Layer, linear: &Linear, layer: &Layer) -> Error {
    let (name, found) = (&layer.name, &before.name);
    let error = Error::new(
        layer.from.unwrap_or(layer.place),
        format!("`{name}` reads the accumulators of `{found}`, but needs an activation between"),
    )
    .note(
        "scales and bias of a linear layer live in the table of the \
            activation behind it",
    );
    let behind = network.layers.iter().find(|other| {
        matches!(other.kind, Kind::Activation(_))
            && other.sources == [layer_index(network, layer) + 1]
    });
    match behind {
        Some(act) if matches!(&layer.kind, Kind::Pool(pool) if pool.kind == Pool::Max) => error
            .help(format!(
                "put `{name}` behind `{}`: the greatest is the same",
                act.name
            )),
        _ => match layer.from {
            None => error.help(format!(
                "add `{}` after `{found}`",
                between(network, linear)
            )),
            Some(_) => error.help(format!(
                "put `{}` behind `{found}`, and name it here",
                between(network, linear)
            )),
        },
    }
}

fn layer_index(network: &Network, layer: &Layer) -> usize {
    let same = |other: &Layer| core::ptr::eq(other, layer);
    network.layers.iter().position(same).unwrap_or(0)
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

fn last_is_an_activation(before: Option<&Layer>, layer: &Layer) -> Error {
    let name = &layer.name;
    let linear = before.and_then(|before| match &before.kind {
        Kind::Linear(linear) => Some(linear),
        _ => None,
    });
    let wraps = linear.is_some_and(wraps);
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
        _ => 1,
    };
    if wraps || phases > 1 {
        let outputs = linear.map_or(1, |linear| linear.form.outputs());
        let values = outputs.saturating_mul(phases);
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

fn two_linear_layers(network: &Network, before: &Layer, linear: &Linear, layer: &Layer) -> Error {
    let name = &layer.name;
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
    .help(format!(
        "add `{}` before `{name}`",
        between(network, linear)
    ))
}

/// An activation that could stand behind a linear layer.
fn between(network: &Network, linear: &Linear) -> String {
    match wraps(linear) {
        true => format!("#[bits(output = 3)] {}: Wave,", unused(network, "wave")),
        false => {
            let keys = format!("output = 4, table = {MAX_TABLE_BITS}");
            format!("#[bits({keys})] {}: Identity,", unused(network, "between"))
        }
    }
}

fn wraps(linear: &Linear) -> bool {
    let word = linear.overflow;
    word.is_some_and(|word| word.value == Overflow::Wrap)
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
