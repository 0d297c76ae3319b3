//! Laws 3 and 5 for sums of values, whose width follows from what is added up, and for the tables inside
//! layers that have some.

use fhe_nn_proof::spec::{Combine, FlowError, Function, Op, Pool, Tensor};
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, Range};

use super::facts::Facts;
use super::stage::described;
use crate::ast::Network;
use crate::errors::{Error, Errors, count};
use crate::layers::{Activation, Kind};

/// Law 3: a table reads `table` bits of a sum, or all of them without `table`. Phases must fit, too.
pub(super) fn table_fits(
    errors: &mut Errors,
    network: &Network,
    facts: &Facts,
    index: usize,
    act: &Activation,
) -> bool {
    let layer = &network.layers[index];
    let (name, source) = (&layer.name, layer.sources[0]);
    let (before, range) = (network.tensor_name(source), facts.tensors[source].range);
    let width = range.signed_bits().max(2);
    if act.function == Function::Wave {
        errors.push(
            Error::new(
                layer.place,
                format!("`Wave` of `{name}` needs accumulators that wrap, but `{before}` has sums"),
            )
            .note("a wave repeats after 2^accumulator, which only a linear layer has")
            .help(format!(
                "write `{name}: Identity`, or put a `Dense` that wraps before it"
            )),
        );
        return false;
    }
    if let (Some(rounding), None) = (act.rounding, act.table) {
        let law = format!("table of `{name}` drops no bits, but how to round them is written");
        errors.push(
            Error::new(rounding.place, law)
                .note(format!(
                    "without `table`, it reads all {width} bits of `{before}`"
                ))
                .help(format!(
                    "write `table = {}` on `{name}`",
                    (width - 1).min(act.advised_table())
                )),
        );
    }
    let limit = act.function.reader().max_width();
    if act.table.is_none() && width > limit {
        let more = match width {
            ..=MAX_ROUNDED_BITS => "",
            _ => ", but sums of more than 20 bits cannot be read encrypted",
        };
        errors.push(
            Error::new(
                layer.place,
                format!("sums of `{before}` need {width} bits, but the table of `{name}` reads at most {limit}"),
            )
            .note(arithmetic(network, facts, source, range))
            .help(format!(
                "write `table = {}` on `{name}`{more}",
                act.advised_table()
            )),
        );
        return false;
    }
    let bits = act.table.map_or(width, |table| table.min(width));
    let half = 1u32 << (bits - 1);
    match act.phases {
        Some(phases) if !half.is_multiple_of(phases.value) => {
            let nearest = half.min(1 << phases.value.ilog2());
            errors.push(
                Error::new(
                    phases.place,
                    format!(
                        "`phases` of `{name}` is {}, but must divide {half}",
                        phases.value
                    ),
                )
                .note(format!(
                    "its table reads {bits} bits, so half a period has 2^{} = {half} entries",
                    bits - 1
                ))
                .help(format!("write `phases = {nearest}` on `{name}`")),
            );
            false
        }
        _ => true,
    }
}

/// Law 3: the tables of `MaxPool` read differences of two values, those of `Mul` sums and differences.
pub(super) fn tables_between_fit(
    errors: &mut Errors,
    network: &Network,
    facts: &Facts,
    index: usize,
    op: &Op,
) -> bool {
    let widths = op.check_widths(&operands(network, facts, index));
    let Err(error @ FlowError::Between { range, .. }) = widths else {
        return true;
    };
    let (layer, Range { lo, hi }) = (&network.layers[index], range);
    let fits = |before: &[&Tensor]| op.check_widths(before).is_ok();
    errors.push(
        Error::new(layer.place, format!("`{}` {error}", layer.name))
            .note(format!("they reach from {lo} to {hi}"))
            .help(narrower(network, facts, index, fits)),
    );
    false
}

/// Law 2 for sums of values: the error for sums of this range, which no layer may make.
pub(super) fn too_wide(
    network: &Network,
    facts: &Facts,
    index: usize,
    op: &Op,
    (error, range): (&FlowError, Range),
) -> Error {
    let layer = &network.layers[index];
    let fits = |before: &[&Tensor]| op.result(before).is_ok();
    Error::new(layer.place, format!("`{}` {error}", layer.name))
        .note(arithmetic(network, facts, index + 1, range))
        .help(narrower(network, facts, index, fits))
}

/// Law 5: sums that are the scores have at most [`MAX_OUTPUT_BITS`] bits.
pub(super) fn output_fits(
    errors: &mut Errors,
    network: &Network,
    facts: &Facts,
    index: usize,
    op: &Op,
    range: Range,
) {
    let (layer, bits) = (&network.layers[index], range.signed_bits());
    if bits > MAX_OUTPUT_BITS {
        let fits = |before: &[&Tensor]| {
            let sums = op.result(before);
            sums.is_ok_and(|sums| sums.range.signed_bits() <= MAX_OUTPUT_BITS)
        };
        let law = format!(
            "sums of `{}` need {bits} bits, but at most {MAX_OUTPUT_BITS} can be decrypted",
            layer.name
        );
        errors.push(
            Error::new(layer.place, law)
                .note(arithmetic(network, facts, index + 1, range))
                .help(narrower(network, facts, index, fits)),
        );
    }
}

/// How the range of sums comes about: "25 values x 15 (4-bit input) = 375, plus a sign".
fn arithmetic(network: &Network, facts: &Facts, tensor: usize, range: Range) -> String {
    let Range { lo, hi } = range;
    let (most, sign) = if -lo > hi {
        (lo, "")
    } else {
        (hi, ", plus a sign")
    };
    let layer = &network.layers[tensor - 1];
    let of = |source: usize| {
        let Range { lo, hi } = facts.tensors[source].range;
        let most = if most < 0 { lo } else { hi };
        format!("{most} ({})", described(network, source))
    };
    match &layer.kind {
        Kind::Pool(pool) => {
            let of = of(layer.sources[0]);
            let shape = &facts.tensors[layer.sources[0]].shape;
            let taps = match &pool.taps {
                Some(taps) => taps.kernel().iter().product(),
                None => shape.iter().skip(1).product(),
            };
            format!("{} x {of} = {most}{sign}", count(taps, "value"))
        }
        Kind::Combine(Combine::Add) => {
            let terms: Vec<String> = layer.sources.iter().map(|&source| of(source)).collect();
            format!("{} = {most}{sign}", terms.join(" + "))
        }
        _ => format!("they reach from {lo} to {hi}"),
    }
}

/// The edit that makes what field `index` reads narrow enough. It changes the width of what all of that
/// comes from, if this width was written. `fits` says whether operands are narrow enough.
fn narrower(
    network: &Network,
    facts: &Facts,
    index: usize,
    fits: impl Fn(&[&Tensor]) -> bool,
) -> String {
    let fits = |range: Range| {
        let before = operands(network, facts, index).into_iter();
        let before = before.map(|tensor| Tensor {
            range,
            ..tensor.clone()
        });
        let before: Vec<Tensor> = before.collect();
        fits(&before.iter().collect::<Vec<_>>())
    };
    let sources = network.layers[index].sources.iter();
    let mut origins = sources.map(|&source| origin(network, source));
    let first = origins.next();
    let only = first.filter(|first| origins.all(|other| other == *first));
    let edit = only.and_then(|tensor| {
        let layer = tensor.checked_sub(1).map(|index| &network.layers[index]);
        match layer.map(|layer| (layer, &layer.kind)) {
            None => {
                let mut narrower = (1..network.input.bits).rev();
                let bits = narrower.find(|&bits| fits(Range::unsigned(bits)))?;
                Some(format!("write `bits = {bits}` on the input"))
            }
            Some((layer, Kind::Activation(act))) => {
                let mut narrower = (1..act.output).rev();
                let bits = narrower.find(|&bits| fits(act.function.range(bits)))?;
                Some(format!("write `output = {bits}` on `{}`", layer.name))
            }
            Some(_) => None,
        }
    });
    edit.unwrap_or_else(|| {
        "make what it reads narrower: lower `output` of the activations before it".to_owned()
    })
}

/// The facts of the tensors that a layer reads.
pub(super) fn operands<'a>(network: &Network, facts: &'a Facts, index: usize) -> Vec<&'a Tensor> {
    let sources = network.layers[index].sources.iter();
    sources.map(|&source| &facts.tensors[source]).collect()
}

/// The tensor in which the values of a tensor were made: layers that only move or choose values make none.
fn origin(network: &Network, tensor: usize) -> usize {
    let Some(layer) = tensor.checked_sub(1).map(|index| &network.layers[index]) else {
        return tensor;
    };
    match &layer.kind {
        Kind::Pool(pool) if pool.kind == Pool::Max => origin(network, layer.sources[0]),
        Kind::Combine(Combine::Flatten) => origin(network, layer.sources[0]),
        _ => tensor,
    }
}
