//! Activations: the integer table of every channel.

use crate::parallel::*;
use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::ActivationSpec;
use fhe_nn_proof::widths::Range;
use ndarray::{Array2, ArrayView2, Axis};

use super::float::Curve;
use super::tensor::{Preactivation, Signal};
use crate::backend::Backend;
use crate::clear::Clear;
use crate::layer::{Part, Tables};
use fhe_nn_proof::graph::{LookupOp, Read, Table};

/// Finds the integers of an activation, and computes its results.
///
/// Every channel has its own table, which includes the channel's bias and scales, and all results share
/// one scale. An antiperiodic activation has fixed results.
///
/// # Errors
/// [`ModelError::TableTooWide`].
pub(crate) fn quantize(
    name: &str,
    spec: &ActivationSpec,
    curve: &Curve<'_>,
    read: Read<'_>,
    before: &Preactivation,
    (real, meaning): (Array2<f64>, Affine),
) -> Result<(Part, Signal), ModelError> {
    let levels = spec.function.range(spec.output);
    let antiperiodic = spec.function.is_antiperiodic();
    let limit = spec.function.reader().max_width();
    let mut op = LookupOp {
        table: Table::Antiperiodic(spec),
        bits: spec.table,
        rounding: spec.rounding,
        phases: spec.phases,
        next: 0,
        read,
    };
    let widest = (0..op.read.neurons()).map(|j| op.table_bits(j)).max();
    if let Some(bits) = widest.filter(|&bits| bits > limit) {
        return Err(ModelError::TableTooWide {
            layer: name.to_owned(),
            bits,
            limit,
        });
    }
    let part = if antiperiodic {
        Part::Antiperiodic
    } else {
        Part::Tables(tables(&op, curve, &before.lines, meaning, levels).into())
    };
    if let Part::Tables(tables) = &part {
        op.table = Table::Padded(tables);
    }
    let Ok(integers) = Clear.lookup(&op, &before.accumulators);
    let signal = Signal {
        real,
        integers,
        meaning: meaning.into(),
        levels,
    };
    Ok((part, signal))
}

/// The meaning of the results of an antiperiodic activation.
pub(crate) fn fixed_meaning(spec: &ActivationSpec) -> Affine {
    Affine {
        scale: 1.0 / spec.function.range(spec.output).hi as f64,
        zero_point: 0,
    }
}

/// Beyond its period, a sign is a square wave. The result has its values at the reals of a channel for
/// the phase that is shifted by `shift` half periods. The channel's accumulators have `width` bits, and
/// their meaning is `line`.
pub(crate) fn square_wave(
    before: ArrayView2<'_, f64>,
    line: Line,
    width: u32,
    shift: f64,
) -> Array2<f64> {
    let half = line.slope * f64::from(width - 1).exp2();
    before.mapv(|x| {
        let half_periods = (x / half + shift).floor();
        1.0 - 2.0 * half_periods.rem_euclid(2.0)
    })
}

/// The signs of all phases, one phase after the other.
pub(crate) fn signs(phases: u32, read: &Read<'_>, before: &Preactivation) -> Array2<f64> {
    let (samples, neurons) = before.real.dim();
    let mut all = Array2::zeros((samples, neurons * phases as usize));
    let chunks = all.axis_chunks_iter_mut(Axis(1), read.positions);
    for (index, mut chunk) in chunks.enumerate() {
        let (q, c) = (index / read.widths.len(), index % read.widths.len());
        let columns = c * read.positions..(c + 1) * read.positions;
        let own = before.real.slice_axis(Axis(1), columns.into());
        let shift = q as f64 / f64::from(phases);
        chunk.assign(&match q {
            0 => own.mapv(|x| if x >= 0.0 { 1.0 } else { -1.0 }),
            _ => square_wave(own, before.lines[c], read.widths[c], shift),
        });
    }
    all
}

/// The real at the centre of bucket r of a table that reads accumulators without their lowest d bits:
/// `r 2^d + (2^d - 1) / 2`.
pub(crate) fn centre(line: Line, dropped: u32, r: i64) -> f64 {
    let bucket = f64::from(dropped).exp2();
    line.slope * (r as f64 * bucket + (bucket - 1.0) / 2.0) + line.offset
}

/// Makes the tables. The entry of bucket r is the result at the bucket's centre.
fn tables(
    op: &LookupOp<'_>,
    curve: &Curve<'_>,
    lines: &[Line],
    meaning: Affine,
    levels: Range,
) -> Tables {
    let tables: Vec<Vec<i16>> = (0..op.read.widths.len())
        .into_par_iter()
        .map(|c| {
            let j = c * op.read.positions;
            let Range { lo, hi } = Range::signed(op.table_bits(j));
            let entry = |r: i64| {
                let y = curve.value(centre(lines[c], op.dropped_bits(j), r), c);
                meaning.quantize(y, levels) as i16
            };
            (lo..=hi).map(entry).collect()
        })
        .collect();
    Tables::new(tables.iter().map(Vec::as_slice))
}
