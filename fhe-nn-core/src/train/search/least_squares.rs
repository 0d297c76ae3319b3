//! Maps of features to targets by least squares.

use ndarray::{Array1, Array2, Array3, s};

/// For every channel, a linear map of the phases of a value, and a constant.
pub(super) struct Map {
    /// `[channels, phases + 1]`, the constant last.
    coefficients: Array2<f64>,
}

/// The part of the mean square of the features that is added to each, so that a map of features that hardly differ is small.
const RIDGE: f64 = 1e-3;

impl Map {
    /// The map that leaves the least squares of errors.
    ///
    /// # Shapes
    /// `features`: `[samples, phases x channels x positions]`; `targets`: `[samples, channels x positions]`.
    pub(super) fn fit(features: &Array2<f64>, targets: &Array2<f64>, channels: usize) -> Self {
        let (samples, values) = targets.dim();
        let (phases, positions) = (features.ncols() / values.max(1), values / channels.max(1));
        let mut coefficients = Array2::zeros((channels, phases + 1));
        for (j, mut own) in coefficients.rows_mut().into_iter().enumerate() {
            let mut rows = Array3::ones((samples, positions, phases + 1));
            for q in 0..phases {
                let from = (q * channels + j) * positions;
                let phase = features.slice(s![.., from..from + positions]);
                rows.slice_mut(s![.., .., q]).assign(&phase);
            }
            let rows = rows.into_shape_with_order((samples * positions, phases + 1));
            let rows = rows.expect("a row for every sample and position");
            let target = targets.slice(s![.., j * positions..(j + 1) * positions]);
            let target: Array1<f64> = target.iter().copied().collect();
            own.assign(&solve(&rows, &target));
        }
        Map { coefficients }
    }

    /// The weights and biases of a layer that reads features and computes what it did with targets.
    ///
    /// # Shapes
    /// `weights`: `[outputs, channels x places]`; the result: `[outputs, phases x channels x places]`, `[outputs]`.
    pub(super) fn through(
        &self,
        weights: &Array2<f64>,
        bias: &Array1<f64>,
    ) -> (Array2<f64>, Array1<f64>) {
        let (channels, phases) = (self.coefficients.nrows(), self.coefficients.ncols() - 1);
        let (outputs, taps) = weights.dim();
        let places = taps / channels.max(1);
        let mut mapped = Array2::zeros((outputs, phases * taps));
        let mut moved = bias.clone();
        for ((output, tap), w) in weights.indexed_iter() {
            let own = self.coefficients.row(tap / places);
            for q in 0..phases {
                mapped[(output, q * taps + tap)] = w * own[q];
            }
            moved[output] += w * own[phases];
        }
        (mapped, moved)
    }
}

/// The coefficients of the columns that come nearest to a target, by conjugate gradients on the normal equations (Hestenes,
/// Stiefel 1952): they end after as many steps as there are columns, but for rounding.
fn solve(rows: &Array2<f64>, target: &Array1<f64>) -> Array1<f64> {
    let mut gram = rows.t().dot(rows);
    let count = gram.nrows();
    let ridge = RIDGE * gram.diag().sum() / count.max(1) as f64;
    // the constant is free
    for column in 0..count.saturating_sub(1) {
        gram[(column, column)] += ridge;
    }
    let mut residual = rows.t().dot(target);
    let mut found = Array1::zeros(count);
    let mut direction = residual.clone();
    let mut size = residual.dot(&residual);
    let least = size * 1e-20;
    for _ in 0..4 * count {
        if size <= least {
            break;
        }
        let image = gram.dot(&direction);
        let step = size / direction.dot(&image);
        found.scaled_add(step, &direction);
        residual.scaled_add(-step, &image);
        let next = residual.dot(&residual);
        direction = &residual + &(&direction * (next / size));
        size = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_map_is_found_and_passed_on() {
        // two channels of three positions in two phases
        let value = |sample: usize, at: usize| ((sample * 7 + at * 5) % 13) as f64 / 6.0 - 1.0;
        let features = Array2::from_shape_fn((40, 12), |(sample, at)| {
            value(sample, at) * (1.0 + (at % 4) as f64)
        });
        let map = [[0.5, -2.0, 1.0], [3.0, 0.25, -4.0]];
        let targets = Array2::from_shape_fn((40, 6), |(sample, at)| {
            let [a, b, c] = map[at / 3];
            a * features[(sample, at)] + b * features[(sample, 6 + at)] + c
        });
        let found = Map::fit(&features, &targets, 2);
        for (found, expected) in found.coefficients.iter().zip(map.iter().flatten()) {
            assert!(
                (found - expected).abs() < 0.02,
                "{found} but not {expected}"
            );
        }
        let weights = Array2::from_shape_fn((2, 6), |(output, tap)| (output + tap) as f64 - 2.0);
        let bias = Array1::from(vec![0.5, -0.5]);
        let (mapped, moved) = found.through(&weights, &bias);
        let before = targets.dot(&weights.t()) + &bias;
        let after = features.dot(&mapped.t()) + &moved;
        for (before, after) in before.iter().zip(&after) {
            assert!((before - after).abs() < 0.3, "{after} but not {before}");
        }
    }
}
