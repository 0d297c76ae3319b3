//! The clear backend, which computes with exact integers. Its results are the definition that every other
//! backend is held to.
//!
//! Matrix products run in floating point of a width that represents every partial sum exactly, so a
//! well-kept product of reals serves for integers.

use std::convert::Infallible;

use fhe_nn_proof::spec::Window;
use ndarray::{Array2, Axis, LinalgScalar, Zip};

use crate::backend::Backend;
use crate::sums::{add_up, convolve};
use fhe_nn_proof::graph::{LinearOp, LookupOp, Map, Read};

/// A backend over integers, for any number of inputs at once. Values are `[inputs, neurons]`.
#[derive(Debug, Default)]
pub(crate) struct Clear;

impl Backend for Clear {
    type Values = Array2<i64>;
    type Error = Infallible;

    fn linear(
        &mut self,
        op: &LinearOp<'_>,
        operands: &[&Array2<i64>],
    ) -> Result<Array2<i64>, Infallible> {
        let mut sums = match &op.map {
            Map::Dense(weights) => linear_sums(operands[0], weights, None, &[0]),
            Map::Windows {
                window,
                kernel,
                padding,
            } => linear_sums(operands[0], kernel, Some(window), padding),
            Map::Rows(rows) => add_up(rows, operands, |weight| weight),
        };
        if !op.constants.is_empty() {
            let positions = op.map.len() / op.constants.len();
            let channels = sums.axis_chunks_iter_mut(Axis(1), positions);
            for (mut of_channel, &constant) in channels.zip(&*op.constants) {
                of_channel.mapv_inplace(|sum| sum + constant);
            }
        }
        Ok(sums)
    }

    fn lookup(&mut self, op: &LookupOp<'_>, sums: &Array2<i64>) -> Result<Array2<i64>, Infallible> {
        let neurons = op.read.neurons();
        let mut values = Array2::zeros((sums.nrows(), op.outputs()));
        for (index, mut column) in values.axis_iter_mut(Axis(1)).enumerate() {
            let (q, j) = (index / neurons, index % neurons);
            Zip::from(&mut column)
                .and(&sums.column(j))
                .for_each(|value, &acc| *value = op.value(j, acc, q as u32));
        }
        Ok(values)
    }
}

/// Reduces scores modulo 2 to the power of their widths, as the client reads them.
pub(crate) fn scores(read: &Read<'_>, mut sums: Array2<i64>) -> Array2<i64> {
    for (j, mut column) in sums.axis_iter_mut(Axis(1)).enumerate() {
        column.mapv_inplace(|sum| wrap(sum, read.width(j)));
    }
    sums
}

/// Returns the integer in `[-2^(bits-1), 2^(bits-1))` that is congruent to `value` modulo `2^bits`.
pub(crate) fn wrap(value: i64, bits: u32) -> i64 {
    let half = 1i64 << (bits - 1);
    (value + half).rem_euclid(2 * half) - half
}

/// Computes `values x weights^T`, or the sums of a window over the values, exactly. Padding has one value
/// for all channels, or one for each.
///
/// Every partial sum is an integer of absolute value at most `sum_i |w_i| max|q|`, whatever the
/// order of summation, with or without fused multiply-add. Integers below `2^24` are exact in
/// `f32`, below `2^53` in `f64`.
pub(crate) fn linear_sums(
    values: &Array2<i64>,
    weights: &Array2<i16>,
    window: Option<&Window>,
    padding: &[i64],
) -> Array2<i64> {
    let largest = values.iter().map(|q| q.unsigned_abs()).max().unwrap_or(0);
    let padded = padding.iter().map(|q| q.unsigned_abs()).max().unwrap_or(0);
    let largest = largest.max(padded) as f64;
    let norm = weights
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|&w| f64::from(w).abs()).sum::<f64>())
        .fold(0.0, f64::max);
    let bound = norm * largest;
    if bound < f64::from(1u32 << 24) {
        let (q, w) = (values.mapv(|q| q as f32), weights.mapv(f32::from));
        let padding: Vec<f32> = padding.iter().map(|&q| q as f32).collect();
        sums(&q, &w, window, &padding).mapv(|acc| acc as i64)
    } else if bound < (1u64 << 53) as f64 {
        let (q, w) = (values.mapv(|q| q as f64), weights.mapv(f64::from));
        let padding: Vec<f64> = padding.iter().map(|&q| q as f64).collect();
        sums(&q, &w, window, &padding).mapv(|acc| acc as i64)
    } else {
        sums(values, &weights.mapv(i64::from), window, padding)
    }
}

fn sums<T: LinalgScalar + Send + Sync>(
    values: &Array2<T>,
    weights: &Array2<T>,
    window: Option<&Window>,
    padding: &[T],
) -> Array2<T> {
    match window {
        None => values.dot(&weights.t()),
        Some(window) => convolve(window, weights.view(), padding, values),
    }
}

#[cfg(test)]
mod tests;
