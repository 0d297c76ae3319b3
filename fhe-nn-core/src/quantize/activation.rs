//! Activations: real results, and the integer table of every neuron.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{ActivationSpec, Function};
use fhe_nn_proof::widths::Range;
use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;

use super::{Calibration, Preactivation, Signal};
use crate::Error;
use crate::backend::Backend;
use crate::clear::Clear;
use crate::graph::{LookupOp, Table};
use crate::layer::{Linear, Part, Tables};

/// The integers of an activation, and its results.
///
/// Every neuron has a table of its own, which knows the neuron's bias and scales; results share
/// one scale, found from the real results. An antiperiodic activation has fixed results.
///
/// # Errors
/// [`Error::TableTooWide`] and [`Error::RealNotFinite`].
pub(super) fn quantize(
    name: &str,
    spec: &ActivationSpec,
    linear: &Linear,
    before: Preactivation,
    calibration: &Calibration,
) -> Result<(Part, Signal), Error> {
    let real = reals(spec, linear, &before.real);
    super::check_finite(name, &real)?;
    let levels = spec.function.range(spec.output);
    let mut op = LookupOp {
        spec,
        table: Table::Antiperiodic,
        widths: &linear.widths,
    };
    let antiperiodic = spec.function.is_antiperiodic();
    let limit = spec.function.reader().max_width();
    let widest = (0..linear.outputs()).map(|j| op.table_bits(j)).max();
    if let Some(bits) = widest.filter(|&bits| bits > limit) {
        return Err(Error::TableTooWide {
            layer: name.to_owned(),
            bits,
            limit,
        });
    }
    let (part, meaning) = if antiperiodic {
        let scale = 1.0 / levels.hi as f64;
        let zero_point = 0;
        (Part::Antiperiodic, Affine { scale, zero_point })
    } else {
        let meaning = calibration.tensor(real.iter(), levels);
        let tables = tables(&op, linear, meaning, levels);
        (Part::Tables(tables), meaning)
    };
    if let Part::Tables(tables) = &part {
        op.table = Table::Padded(tables);
    }
    let Ok(integers) = Clear.lookup(0, &op, before.accumulators);
    let signal = Signal {
        real,
        integers,
        meaning,
        levels,
    };
    Ok((part, signal))
}

/// Real results: one per neuron and phase. Phase q of k lies q/k of half a period further.
fn reals(spec: &ActivationSpec, linear: &Linear, before: &Array2<f64>) -> Array2<f64> {
    let phases = f64::from(spec.phases);
    let shifted: Vec<Array2<f64>> = (0..spec.phases)
        .map(|q| match (spec.function, q) {
            (Function::Wave, _) => {
                before.mapv(|x| spec.function.value(x + 2.0 * f64::from(q) / phases))
            }
            // past its period a sign is a square wave
            (Function::Sign, 1..) => {
                let mut result = before.clone();
                for (j, mut column) in result.axis_iter_mut(Axis(1)).enumerate() {
                    let half = linear.line(j).slope * f64::from(linear.widths[j] - 1).exp2();
                    let shift = f64::from(q) / phases;
                    column.mapv_inplace(|x| {
                        let half_periods = (x / half + shift).floor();
                        1.0 - 2.0 * half_periods.rem_euclid(2.0)
                    });
                }
                result
            }
            _ => before.mapv(|x| spec.function.value(x)),
        })
        .collect();
    let views: Vec<_> = shifted.iter().map(|phase| phase.view()).collect();
    concatenate(Axis(1), &views).expect("every phase has the same shape")
}

/// The tables: the entry of bucket r is the result at the bucket's centre,
/// `r 2^d + (2^d - 1) / 2`.
fn tables(op: &LookupOp<'_>, linear: &Linear, meaning: Affine, levels: Range) -> Tables {
    let tables: Vec<Vec<i16>> = (0..linear.outputs())
        .into_par_iter()
        .map(|j| {
            let (line, Range { lo, hi }) = (linear.line(j), Range::signed(op.table_bits(j)));
            let bucket = f64::from(op.dropped_bits(j)).exp2();
            let entry = |r: i64| {
                let centre = r as f64 * bucket + (bucket - 1.0) / 2.0;
                let y = op.spec.function.value(line.slope * centre + line.offset);
                meaning.quantize(y, levels) as i16
            };
            (lo..=hi).map(entry).collect()
        })
        .collect();
    Tables::new(tables.iter().map(Vec::as_slice))
}
