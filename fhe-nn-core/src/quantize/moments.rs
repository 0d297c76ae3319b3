//! How the values that the weights of a neuron multiply vary together over the samples.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::reads::{MOST_ROWS, Reads};

/// The second moments of some of the values that a neuron reads, in squares of their integers.
pub(super) struct Moments {
    /// `M`, `[taps, taps]`: the expected square of a sum of these values with weights `e` is `e^T M e`.
    pub(super) values: Array2<f64>,
    /// The expected product of each value with what the integer of each tap misses of its real, `[taps, taps]`.
    pub(super) missed: Array2<f64>,
    /// The expected square of what an integer misses of its real, added up over the taps.
    pub(super) missed_squares: f64,
    /// The samples that they are estimated from.
    pub(super) samples: usize,
}

/// The windows of all these samples are at most this many.
const MOST_WINDOWS: usize = 1 << 15;
/// Windows whose products are added up at once.
const PART: usize = 1 << 8;
/// The least share of the estimate that is the multiple of the identity (Frantar et al., 2022, "GPTQ", section 3.3).
const LEAST_SHARE: f64 = 0.01;

impl Moments {
    /// Estimates the moments of the values that taps `from` up to `to` of a group's neurons multiply: of the values less
    /// their means, if a bias makes up for the mean error. `None` if the values never change, or if there are too few samples to say.
    ///
    /// Few samples say little about many values. What they say is mixed with a multiple of the identity, under which
    /// every value counts as much and none tells of another, in the shares that estimate the truth with the least
    /// squared error (Ledoit and Wolf, 2004, "A well-conditioned estimator for large-dimensional covariance matrices",
    /// section 3.2). The windows of one sample are no independent samples, so the estimate counts samples.
    pub(super) fn estimate(
        reads: Reads<'_>,
        group: usize,
        (from, to): (usize, usize),
    ) -> Option<Self> {
        let Reads { linear, input, .. } = reads;
        let windows = reads.windows(group, (from, to));
        let (positions, taps) = windows.dim();
        let most = (MOST_WINDOWS / positions).clamp(1, MOST_ROWS);
        let stride = input.integers.nrows().div_ceil(most).max(1);
        let rows = input.integers.slice(s![..;stride, ..]);
        if rows.nrows() < 2 {
            return None;
        }
        let zero_points: Vec<i64> = (from..to)
            .map(|tap| input.meaning.zero_point(tap, linear.taps))
            .collect();
        let reals = input.real.slice(s![..;stride, ..]);
        let units: Vec<f64> = (from..to)
            .map(|tap| input.meaning.unit() * input.meaning.factor(tap, linear.taps))
            .collect();
        // what the windows of some samples see, and what that misses of the reals, [samples x positions, taps]
        let seen = |(rows, reals): (ArrayView2<'_, i64>, ArrayView2<'_, f64>)| {
            let shape = (rows.nrows() * positions, taps);
            let (mut seen, mut missed) = (Array2::<f64>::zeros(shape), Array2::<f64>::zeros(shape));
            for ((place, tap), seen) in seen.indexed_iter_mut() {
                let (row, position) = (place / positions, place % positions);
                if let Some(value) = windows[[position, tap]] {
                    *seen = (rows[[row, value]] - zero_points[tap]) as f64;
                    missed[[place, tap]] = reals[[row, value]] / units[tap] - *seen;
                }
            }
            (seen, missed)
        };
        let at_once = PART.div_ceil(positions);
        let parts = || {
            let integers = rows.axis_chunks_iter(Axis(0), at_once);
            integers.zip(reals.axis_chunks_iter(Axis(0), at_once))
        };
        let count = rows.nrows() as f64;
        let none = || Array1::<f64>::zeros(taps);
        let (mean, mean_missed) = if reads.corrects_bias {
            let sums = parts().map(seen).fold((none(), none()), |all, own| {
                (
                    all.0 + own.0.sum_axis(Axis(0)),
                    all.1 + own.1.sum_axis(Axis(0)),
                )
            });
            let windows = count * positions as f64;
            (sums.0 / windows, sums.1 / windows)
        } else {
            (none(), none())
        };
        let mut moments = Array2::<f64>::zeros((taps, taps));
        let mut products = Array2::<f64>::zeros((taps, taps));
        let (mut squares, mut missed_squares) = (0.0, 0.0);
        for part in parts() {
            let (seen, missed) = seen(part);
            let (seen, missed) = (seen - &mean, missed - &mean_missed);
            general_mat_mul(1.0, &seen.t(), &seen, 1.0, &mut moments);
            general_mat_mul(1.0, &seen.t(), &missed, 1.0, &mut products);
            missed_squares += sum_of_squares(&missed);
            for of_row in seen.axis_chunks_iter(Axis(0), positions) {
                // both products have the same squares
                let product = match positions < taps {
                    true => of_row.dot(&of_row.t()),
                    false => of_row.t().dot(&of_row),
                };
                squares += sum_of_squares(&product);
            }
        }
        let positions = positions as f64;
        moments /= count * positions;
        products /= count * positions;
        missed_squares /= count * positions;
        squares /= positions * positions;

        let level = moments.diag().sum() / taps as f64;
        let variance = (squares - count * sum_of_squares(&moments)) / (count * (count - 1.0));
        let distance = sum_of_squares(&(&moments - &(Array2::<f64>::eye(taps) * level)));
        // moments that are a multiple of the identity stay what they are
        let share = if distance > 0.0 {
            variance / distance
        } else {
            1.0
        };
        let share = share.clamp(LEAST_SHARE, 1.0);
        moments *= 1.0 - share;
        moments.diag_mut().mapv_inplace(|own| own + share * level);
        (level > 0.0).then(|| Moments {
            values: moments,
            missed: products * (1.0 - share),
            missed_squares,
            samples: rows.nrows(),
        })
    }
}

fn sum_of_squares(values: &Array2<f64>) -> f64 {
    values.iter().map(|x| x * x).sum()
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::client::Affine;
    use fhe_nn_proof::spec::{LinearSpec, Overflow, Padding, Window};
    use fhe_nn_proof::widths::Range;

    use super::super::tensor::Signal;
    use super::*;

    fn layer(taps: usize, window: Option<Window>) -> LinearSpec {
        LinearSpec {
            channels: window.map_or(1, |window| window.outputs),
            taps,
            positions: window.map_or(1, |window| window.positions()),
            window,
            flat: false,
            weights: 4,
            accumulator: 20,
            overflow: Overflow::Checked,
        }
    }

    /// Integers with a zero point of 3.
    fn signal(integers: Array2<i64>) -> Signal {
        let meaning = Affine {
            scale: 0.5,
            zero_point: 3,
        };
        Signal {
            real: integers.mapv(|q| meaning.real(q)),
            integers,
            meaning: meaning.into(),
            levels: Range::unsigned(4),
        }
    }

    /// Integers that look random.
    fn random(samples: usize, values: usize) -> Array2<i64> {
        Array2::from_shape_fn((samples, values), |(row, value)| {
            let mixed = (row * values + value + 1) as u64;
            let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) as i64 >> 32 & 15
        })
    }

    fn estimate(
        linear: &LinearSpec,
        signal: &Signal,
        group: usize,
        corrects_bias: bool,
    ) -> Option<Array2<f64>> {
        let reads = Reads {
            linear,
            input: signal,
            dropped: &vec![None; linear.taps],
            corrects_bias,
        };
        Moments::estimate(reads, group, (0, linear.taps)).map(|moments| moments.values)
    }

    #[test]
    fn many_samples_tell_what_varies_together() {
        let mut integers = random(4_000, 3);
        let first = integers.column(0).to_owned();
        integers.column_mut(1).assign(&first);
        let signal = signal(integers);
        let found = estimate(&layer(3, None), &signal, 0, true).expect("they vary");
        // 16 levels that are equally likely have a variance of 255 / 12
        let variance = 255.0 / 12.0;
        for (place, expected) in [((0, 0), 1.0), ((2, 2), 1.0), ((0, 1), 0.99), ((0, 2), 0.0)] {
            let found = found[place] / variance;
            assert!((found - expected).abs() < 0.06, "{place:?}: {found}");
        }
    }

    #[test]
    fn what_integers_miss_is_counted_in_their_units() {
        // every third level is missing: integers that are 2 above a multiple of 3 stand for reals of one unit more
        let mut signal = signal(random(4_000, 2));
        signal.real = signal.integers.mapv(|q| {
            let missed = if q % 3 == 2 { 1.0 } else { 0.0 };
            signal.meaning.affines[0].real(q) + 0.5 * missed
        });
        let reads = Reads {
            linear: &layer(2, None),
            input: &signal,
            dropped: &[None, None],
            corrects_bias: false,
        };
        let found = Moments::estimate(reads, 0, (0, 2)).expect("they vary");
        // by the definition
        let products = |i: usize, j: usize| {
            let rows = signal.integers.rows().into_iter();
            let products = rows.map(|row| {
                let missed = if row[j] % 3 == 2 { 1.0 } else { 0.0 };
                (row[i] - 3) as f64 * missed
            });
            products.sum::<f64>() / 4_000.0
        };
        for (place, found) in found.missed.indexed_iter() {
            let expected = (1.0 - LEAST_SHARE) * products(place.0, place.1);
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let squares = signal.integers.mapv(|q| f64::from(u8::from(q % 3 == 2)));
        let expected = squares.sum() / 4_000.0;
        assert!((found.missed_squares - expected).abs() < 1e-9);
        assert_eq!(found.samples, 4_000);
    }

    #[test]
    fn few_samples_of_many_values_tell_little() {
        let integers = random(5, 40);
        let samples = integers.mapv(|q| q as f64);
        let samples = &samples - &samples.mean_axis(Axis(0)).expect("there are samples");
        let of_samples = samples.t().dot(&samples) / 5.0;
        let estimate = estimate(&layer(40, None), &signal(integers), 0, true);
        let found = estimate.expect("they vary");
        let greatest = |moments: &Array2<f64>| {
            let products = moments.indexed_iter().filter(|((i, j), _)| i != j);
            products.fold(0.0, |most: f64, (_, product)| most.max(product.abs()))
        };
        let (own, all) = (greatest(&found), greatest(&of_samples));
        assert!(own < 0.4 * all, "{own} {all}");
    }

    #[test]
    fn values_that_never_change_and_single_samples_tell_nothing() {
        let estimate = |integers, corrects_bias| {
            estimate(&layer(4, None), &signal(integers), 0, corrects_bias)
        };
        assert!(estimate(Array2::from_elem((9, 4), 7), true).is_none());
        assert!(estimate(random(1, 4), true).is_none());
        // without a bias that makes up for them, they move sums all the same
        assert!(estimate(Array2::from_elem((9, 4), 7), false).is_some());
    }

    #[test]
    fn windows_see_the_values_of_their_group_and_zeros_around_them() {
        let window = Window {
            channels: 4,
            outputs: 2,
            input: [3, 2],
            kernel: [2, 2],
            stride: [1, 1],
            padding: [Padding::both(1), Padding::NONE],
            dilation: [1, 1],
            groups: 2,
        };
        let integers = random(60, 24);
        let signal = signal(integers.clone());
        let found = estimate(&layer(8, Some(window)), &signal, 1, false).expect("they vary");
        // by the definition of a convolution
        let mut expected = Array2::<f64>::zeros((8, 8));
        for row in integers.rows() {
            for top in 0..4 {
                let seen: Array1<f64> = (0..8)
                    .map(|tap| {
                        let (channel, y, x) =
                            (2 + tap / 4, (top + tap % 4 / 2) as i64 - 1, tap % 2);
                        match usize::try_from(y).ok().filter(|&y| y < 3) {
                            Some(y) => (row[channel * 6 + 2 * y + x] - 3) as f64,
                            None => 0.0,
                        }
                    })
                    .collect();
                for (i, j) in (0..8).flat_map(|i| (0..8).map(move |j| (i, j))) {
                    expected[[i, j]] += seen[i] * seen[j] / (60.0 * 4.0);
                }
            }
        }
        // products are mixed with a multiple of the identity, which has none
        let share = 1.0 - found[[0, 1]] / expected[[0, 1]];
        assert!((LEAST_SHARE..0.5).contains(&share), "{share}");
        let level = expected.diag().sum() / 8.0;
        let mixed = expected * (1.0 - share) + Array2::<f64>::eye(8) * (share * level);
        let differences = (&found - &mixed).mapv(f64::abs);
        assert!(
            differences.iter().all(|&difference| difference < 1e-9),
            "{differences}"
        );
    }
}
