//! The clear backend: exact integers. Its results are the definition that every other backend is
//! held to.
//!
//! Matrix products run in floating point of a width in which every partial sum is an integer
//! that is represented exactly, so that a well-kept product of reals serves for integers.

use std::convert::Infallible;

use ndarray::{Array2, Axis, Zip};

use crate::backend::Backend;
use crate::graph::{LinearOp, LookupOp};
use fhe_nn_proof::widths::Reader;

/// Backend over integers, for any number of inputs at once: values are `[inputs, neurons]`.
#[derive(Debug, Default)]
pub struct Clear;

impl Backend for Clear {
    type Values = Array2<i64>;
    type Error = Infallible;

    fn linear(
        &mut self,
        _: usize,
        op: &LinearOp<'_>,
        values: Array2<i64>,
    ) -> Result<Array2<i64>, Infallible> {
        let mut accumulators = product(&values, &op.layer.weights);
        for (j, mut column) in accumulators.axis_iter_mut(Axis(1)).enumerate() {
            let (phase, width) = (op.layer.phases[j], op.layer.widths[j]);
            column.mapv_inplace(|acc| acc + phase);
            if op.reader == Reader::Client {
                column.mapv_inplace(|acc| wrap(acc, width));
            }
        }
        Ok(accumulators)
    }

    fn lookup(
        &mut self,
        _: usize,
        op: &LookupOp<'_>,
        accumulators: Array2<i64>,
    ) -> Result<Array2<i64>, Infallible> {
        let neurons = op.widths.len();
        let mut values = Array2::zeros((accumulators.nrows(), op.outputs()));
        for (index, mut column) in values.axis_iter_mut(Axis(1)).enumerate() {
            let (q, j) = (index / neurons, index % neurons);
            Zip::from(&mut column)
                .and(&accumulators.column(j))
                .for_each(|value, &acc| *value = op.value(j, acc, q as u32));
        }
        Ok(values)
    }
}

/// The integer in `[-2^(bits-1), 2^(bits-1))` that is congruent to `value` modulo `2^bits`.
pub(crate) fn wrap(value: i64, bits: u32) -> i64 {
    let half = 1i64 << (bits - 1);
    (value + half).rem_euclid(2 * half) - half
}

/// `values x weights^T`, exactly.
///
/// Every partial sum is an integer of absolute value at most `sum_i |w_i| max|q|`, whatever the
/// order of summation, with or without fused multiply-add. Integers below `2^24` are exact in
/// `f32`, below `2^53` in `f64`.
pub(crate) fn product(values: &Array2<i64>, weights: &Array2<i16>) -> Array2<i64> {
    let largest = values.iter().map(|q| q.unsigned_abs()).max().unwrap_or(0) as f64;
    let norm = weights
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|&w| f64::from(w).abs()).sum::<f64>())
        .fold(0.0, f64::max);
    let bound = norm * largest;
    if bound < f64::from(1u32 << 24) {
        let (q, w) = (values.mapv(|q| q as f32), weights.mapv(f32::from));
        q.dot(&w.t()).mapv(|acc| acc as i64)
    } else if bound < (1u64 << 53) as f64 {
        let (q, w) = (values.mapv(|q| q as f64), weights.mapv(f64::from));
        q.dot(&w.t()).mapv(|acc| acc as i64)
    } else {
        values.dot(&weights.mapv(i64::from).t())
    }
}
