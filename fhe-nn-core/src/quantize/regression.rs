//! Weights that make up for the rounding of what they multiply.
//!
//! The integers `x` that a neuron reads miss something of the reals of the float network, `e`: they were rounded, and so
//! were all before them. Part of that can be told from the integers themselves, because values vary together and because
//! cut values err in a known direction. The best linear estimate of `e` is `D^T x` with `D = M^-1 E[x e^T]`, so the sum of
//! the reals with weights `w` is estimated best by the sum of the integers with weights `w + D w`, and these are rounded.

use ndarray::{Array2, ArrayView1, Zip};

use super::moments::Moments;
use super::rounding::Factors;

/// What some of the values that a neuron reads tell of what they miss.
pub(super) struct Regression {
    /// `D`, `[taps, taps]`, in the share that is trusted.
    told: Array2<f64>,
}

impl Regression {
    /// Estimates it. `None` if integers miss nothing, or if the samples are too few to tell.
    ///
    /// Each of `n` samples can be explained by chance: of what is not explained, `taps / n` seems to be. An estimate is
    /// trusted in the share by which it explains more than that (James and Stein, 1961, "Estimation with quadratic
    /// loss", the positive part; the noise of a regression's coefficients as in Mallows, 1973, "Some comments on C_p").
    pub(super) fn of(moments: &Moments, factors: &Factors) -> Option<Self> {
        let (taps, samples) = (moments.values.nrows(), moments.samples);
        if moments.missed_squares == 0.0 || samples <= taps {
            return None;
        }
        let mut told = factors.solve(&moments.missed);
        let explained = Zip::from(&told)
            .and(&moments.missed)
            .fold(0.0, |all, told, missed| all + told * missed);
        let unexplained = (moments.missed_squares - explained).max(0.0);
        let by_chance = unexplained * taps as f64 / (samples - taps) as f64;
        let share = 1.0 - by_chance / explained;
        told *= share;
        (share > 0.0).then_some(Regression { told })
    }

    /// Moves these weights so that they make up for what the integers tell.
    pub(super) fn correct(&self, weights: &mut [f64]) {
        let moved = self.told.dot(&ArrayView1::from(&*weights));
        for (weight, moved) in weights.iter_mut().zip(moved) {
            *weight += moved;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    /// The moments of two values, of which the first misses half of the second.
    fn moments(samples: usize) -> Moments {
        let values = arr2(&[[2.0, 0.5], [0.5, 1.0]]);
        // e = (x_2 / 2 + something of its own, 0), so that E[x e^T] = M (0, 1/2)
        let missed = arr2(&[[0.25, 0.0], [0.5, 0.0]]);
        Moments {
            values,
            missed,
            missed_squares: 0.25 + 0.75,
            samples,
        }
    }

    fn corrected(moments: &Moments) -> Option<[f64; 2]> {
        let factors = Factors::of(moments.values.clone());
        let regression = Regression::of(moments, &factors)?;
        let mut weights = [3.0, 10.0];
        regression.correct(&mut weights);
        Some(weights)
    }

    #[test]
    fn weights_make_up_for_what_other_values_tell() {
        let [first, second] = corrected(&moments(1_000_000)).expect("enough samples");
        assert!((first - 3.0).abs() < 1e-4, "{first}");
        assert!((second - 11.5).abs() < 1e-4, "{second}");
    }

    #[test]
    fn what_few_samples_tell_is_trusted_in_part() {
        // of the 0.75 that are unexplained, 2 of 14 samples leave 2 / 12, which is half of the 0.25 that are explained
        let [_, second] = corrected(&moments(14)).expect("enough samples");
        assert!((second - 10.75).abs() < 1e-9, "{second}");
        // 2 of 8 samples leave all that is explained, and 2 of 2 say nothing
        assert!(corrected(&moments(8)).is_none());
        assert!(corrected(&moments(2)).is_none());
    }

    #[test]
    fn values_that_miss_nothing_leave_weights_as_they_are() {
        let exact = Moments {
            missed: Array2::zeros((2, 2)),
            missed_squares: 0.0,
            ..moments(1_000)
        };
        assert!(corrected(&exact).is_none());
    }
}
