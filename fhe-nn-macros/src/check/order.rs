//! Law 6: which layers may read which tensors. Tables read accumulators and sums, and all others read values
//! and sums; a network ends with sums.

mod between;

use fhe_nn_proof::plan::advised_table_bits;
use fhe_nn_proof::spec::Combine;
use fhe_nn_proof::widths::Reader;

use crate::ast::{Layer, Network};
use crate::errors::{Error, Errors, Place};
use crate::layers::{Kind, Makes};

/// Reports every layer that cannot read what it reads.
pub(super) fn check(errors: &mut Errors, network: &Network) {
    let layers = &network.layers;
    let Some(last) = layers.last() else {
        errors.push(no_layers(network));
        return;
    };
    let found = found(network);
    for (index, layer) in layers.iter().enumerate() {
        for &source in &layer.sources {
            let error = match (source, &layer.kind) {
                (0, Kind::Activation(_)) => Some(activation_of_the_input(network, index)),
                (0, kind) => {
                    let tokens = network.input.tokens.is_some();
                    kind.reads_input(&layer.name, layer.place, tokens)
                }
                _ => reads(network, source, found[source], index),
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
        _ if found[layers.len()] != Found::Values => {}
        _ => errors.push(
            Error::new(
                last.place,
                format!(
                    "`{}` is the last layer, but a network ends with accumulators or sums",
                    last.name
                ),
            )
            .note("what the client decrypts are accumulators of a linear layer, or sums of values")
            .help(format!("add a `Dense` after `{}`, or remove it", last.name)),
        ),
    }
}

/// The error if field `index` cannot read the result of another.
fn reads(network: &Network, source: usize, found: Found, index: usize) -> Option<Error> {
    let (before, layer) = (&network.layers[source - 1], &network.layers[index]);
    let place = layer.reads_at(source);
    if let Some(error) = layer.kind.reads_result(&layer.name, &before.name, place) {
        return Some(error);
    }
    match (&before.kind, &layer.kind) {
        (_, Kind::Activation(_)) => {
            (found == Found::Values).then(|| activation_of_values(before, source, layer))
        }
        (Kind::Linear(linear), _) => Some(between::missing(network, source, linear, index)),
        (_, Kind::Combine(Combine::Add | Combine::Concat)) => {
            let product = product_of(network, source)?;
            Some(of_another_scale(network, product, source, layer))
        }
        _ => None,
    }
}

/// The product whose scale a tensor has.
fn product_of(network: &Network, source: usize) -> Option<&Layer> {
    let layer = &network.layers[source.checked_sub(1)?];
    match &layer.kind {
        Kind::Combine(Combine::Mul) => Some(layer),
        Kind::Pool(_) | Kind::Combine(Combine::Flatten) => product_of(network, layer.sources[0]),
        _ => None,
    }
}

/// The error of a product that is added to other values, or put beside them.
fn of_another_scale(network: &Network, product: &Layer, source: usize, layer: &Layer) -> Error {
    let (name, found) = (&layer.name, &network.layers[source - 1].name);
    let between = between::unused(network, "between");
    let table = advised_table_bits(Reader::Padded);
    let whose = if *found == product.name {
        "is a product".to_owned()
    } else {
        format!("has that of the product `{}`", product.name)
    };
    Error::new(
        layer.reads_at(source),
        format!("`{name}` needs values of one scale, but `{found}` {whose}"),
    )
    .note("a product has as its scale that of both factors multiplied, which no other values have")
    .help(format!(
        "put `#[bits(output = 4, table = {table})] {between}: Identity,` after `{found}`, and name it here"
    ))
}

/// What an activation finds in a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Accumulators, or sums of values: a layer adds them up, or only rearranges such sums.
    Sums,
    Values,
    /// A result of accumulators that cannot be read; the layer that reads them reports that itself.
    Nothing,
}

/// What an activation finds in every tensor, the input first.
fn found(network: &Network) -> Vec<Found> {
    let mut found = vec![Found::Values];
    for layer in &network.layers {
        let mut before = layer.sources.iter().map(|&source| {
            let layer = source
                .checked_sub(1)
                .map(|index| &network.layers[index].kind);
            match layer {
                Some(Kind::Linear(_)) => Found::Nothing,
                _ => found[source],
            }
        });
        let nothing = before.clone().any(|found| found == Found::Nothing);
        let sums = match layer.kind.makes() {
            Makes::Accumulators => true,
            Makes::Values => false,
            Makes::Sums | Makes::Choice | Makes::Same if nothing => {
                found.push(Found::Nothing);
                continue;
            }
            Makes::Sums => true,
            Makes::Choice => false,
            Makes::Same => before.all(|found| found == Found::Sums),
        };
        found.push(if sums { Found::Sums } else { Found::Values });
    }
    found
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

fn activation_of_the_input(network: &Network, index: usize) -> Error {
    let layer = &network.layers[index];
    let name = &layer.name;
    let error = Error::new(
        layer.reads_at(0),
        format!("`{name}` reads the input, but an activation reads accumulators or sums"),
    )
    .note(
        "a function of single values needs no encryption: the client \
            applies it before it encrypts",
    );
    match index {
        0 => error.help(format!("remove `{name}`")),
        _ => error.help(format!(
            "name a linear layer for `{name}`, or a layer of sums"
        )),
    }
}

fn activation_of_values(before: &Layer, source: usize, layer: &Layer) -> Error {
    let (name, found) = (&layer.name, &before.name);
    let note = before.kind.before_an_activation(found);
    let law =
        format!("`{name}` reads values of `{found}`, but an activation reads accumulators or sums");
    Error::new(layer.reads_at(source), law)
        .note(note)
        .help(format!("remove `{name}`, or put a linear layer before it"))
}

fn last_is_an_activation(before: Option<&Layer>, layer: &Layer) -> Error {
    let name = &layer.name;
    let linear = before.and_then(|before| match &before.kind {
        Kind::Linear(linear) => Some(linear),
        _ => None,
    });
    let error = Error::new(
        layer.place,
        format!("`{name}` is the last layer, but a network ends with accumulators or sums"),
    )
    .note(
        "a function of single values needs no encryption: the client \
            applies it after it decrypts",
    );
    let phases = match &layer.kind {
        Kind::Activation(activation) => activation.phases() as usize,
        _ => 1,
    };
    if linear.is_some_and(between::wraps) || phases > 1 {
        let outputs = linear.map_or(1, |linear| linear.form.outputs());
        let values = outputs.saturating_mul(phases);
        error.help(format!(
            "add `#[bits(weights = 4)] scores: Dense<{values}, 10>,` after `{name}`"
        ))
    } else {
        error.help(format!("remove `{name}`"))
    }
}
