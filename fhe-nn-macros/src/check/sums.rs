//! Laws 3 and 5 for sums of values, whose width follows from what is added up; and for the tables inside of
//! layers that have some.

use fhe_nn_proof::spec::{Function, Pool};
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, MAX_TABLE_BITS, Range};

use super::Facts;
use crate::ast::{Activation, Kind, Layer, Network};
use crate::errors::{Error, Errors};
use crate::layer::LayerType;

/// Law 3: a table reads `table` bits of a sum, else all of them. Whether phases fit, too.
pub(super) fn table_fits(
    errors: &mut Errors,
    before: &str,
    layer: &Layer,
    act: &Activation,
    range: Range,
) -> bool {
    let (name, width) = (&layer.name, range.signed_bits().max(2));
    if act.function == Function::Wave {
        errors.push(
            Error::new(
                layer.place,
                format!("`Wave` of `{name}` needs accumulators that wrap, but `{before}` has sums"),
            )
            .note("a wave repeats after 2^accumulator, which only a linear layer has")
            .help(format!("write `{name}: Identity`")),
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
                    (width - 1).min(MAX_TABLE_BITS)
                )),
        );
    }
    let limit = act.function.reader().max_width();
    if act.table.is_none() && width > limit {
        let Range { lo, hi } = range;
        let more = match width {
            ..=MAX_ROUNDED_BITS => "",
            _ => ", but sums of more than 20 bits cannot be read encrypted",
        };
        errors.push(
            Error::new(
                layer.place,
                format!("sums of `{before}` need {width} bits, but the table of `{name}` reads at most {limit}"),
            )
            .note(format!("they reach from {lo} to {hi}"))
            .help(format!("write `table = {limit}` on `{name}`{more}")),
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
) {
    let layer = &network.layers[index];
    let range = |operand: usize| facts.tensors[layer.sources[operand]].range;
    let negative = |range: Range| range.times(Range { lo: -1, hi: -1 });
    let reads: Vec<(&str, Range)> = match (&layer.kind, layer.layer_type) {
        (Kind::Pool(pool), _) if pool.kind == Pool::Max => {
            vec![(
                "differences of two values",
                range(0).plus(negative(range(0))),
            )]
        }
        (_, LayerType::Mul) => vec![
            ("sums of two values", range(0).plus(range(1))),
            (
                "differences of two values",
                range(0).plus(negative(range(1))),
            ),
        ],
        _ => Vec::new(),
    };
    let wide = reads
        .into_iter()
        .find(|(_, range)| range.signed_bits() > MAX_TABLE_BITS);
    if let Some((what, range)) = wide {
        let (name, bits, Range { lo, hi }) = (&layer.name, range.signed_bits(), range);
        errors.push(
            Error::new(
                layer.place,
                format!("`{name}` looks up {what} of {bits} bits, but a table reads at most {MAX_TABLE_BITS}"),
            )
            .note(format!("they reach from {lo} to {hi}"))
            .help("make what it reads narrower: lower `output` of the activations before it"),
        );
    }
}

/// Law 5: sums that are the scores have at most [`MAX_OUTPUT_BITS`] bits.
pub(super) fn output_fits(errors: &mut Errors, layer: &Layer, range: Range) {
    let (name, bits, Range { lo, hi }) = (&layer.name, range.signed_bits(), range);
    if bits > MAX_OUTPUT_BITS {
        errors.push(
            Error::new(
                layer.place,
                format!("sums of `{name}` need {bits} bits, but at most {MAX_OUTPUT_BITS} can be decrypted"),
            )
            .note(format!("they reach from {lo} to {hi}"))
            .help("make what it reads narrower: lower `output` of the activations before it"),
        );
    }
}
