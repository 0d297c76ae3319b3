//! The keyswitches that the search tries, with the noise that each adds.

use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, keyswitch_key_variance, keyswitch_rounding_variance,
    seeded_variance,
};
use crate::plan::range::{KEYSWITCH_DIGIT_BITS, MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS};
use crate::plan::{keyswitch_body_bytes, keyswitch_row_bytes};
use crate::search::objective::KeySize;

/// The least noisy keyswitch for every number of levels and small key.
///
/// The variance of a keyswitch from `D` dimensions is `D` times what one dimension adds, plus the
/// rounding of the body. So the best base depends on the small key alone.
#[derive(Debug)]
pub(super) struct Keyswitches {
    /// The best digits, for each number of levels and each small key.
    best: Vec<Vec<Digit>>,
    /// Variance of the rounding of a body.
    body: f64,
    /// Number of bytes of a body of the key, for each small key.
    bytes: Vec<u32>,
}

/// The best base of a digit, and the variance that each dimension adds with it.
#[derive(Debug, Clone, Copy)]
struct Digit {
    base_log: u32,
    variance: f64,
}

impl Keyswitches {
    pub(super) fn new() -> Self {
        let noise: Vec<f64> = SMALL_DIMENSIONS
            .map(|n| seeded_variance(n, KEYSWITCH_MODULUS_BITS))
            .collect();
        let any = Decomposition {
            base_log: 1,
            levels: 1,
        };
        let body = keyswitch_rounding_variance(0, any);
        let best = |levels| {
            let bases = (1..=KEYSWITCH_DIGIT_BITS / levels)
                .map(|base_log| Decomposition { base_log, levels });
            // what a dimension adds: a factor of the key's noise, and the rounding
            let bases: Vec<(u32, f64, f64)> = bases
                .map(|digits| {
                    let rounding = keyswitch_rounding_variance(1, digits) - body;
                    (
                        digits.base_log,
                        keyswitch_key_variance(1, 1.0, digits),
                        rounding,
                    )
                })
                .collect();
            let best = |&noise: &f64| {
                let each = bases.iter().map(|&(base_log, key, rounding)| Digit {
                    base_log,
                    variance: key * noise + rounding,
                });
                each.min_by(|a, b| a.variance.total_cmp(&b.variance))
            };
            noise.iter().filter_map(best).collect()
        };
        Keyswitches {
            best: (1..=MAX_KEYSWITCH_LEVELS).map(best).collect(),
            body,
            bytes: SMALL_DIMENSIONS.map(keyswitch_body_bytes).collect(),
        }
    }

    /// The least noisy digits for a small key.
    pub(super) fn digits(&self, levels: u32, n: u32) -> Decomposition {
        Decomposition {
            base_log: self.digit(levels, n).base_log,
            levels,
        }
    }

    /// Variance that the keyswitch from `dimension` to `n` dimensions adds.
    pub(super) fn variance(&self, dimension: u32, levels: u32, n: u32) -> f64 {
        f64::from(dimension) * self.digit(levels, n).variance + self.body
    }

    /// The key from `dimension` to `n` dimensions.
    pub(super) fn key(&self, dimension: u32, levels: u32, n: u32) -> KeySize {
        let bodies = f64::from(levels * dimension);
        KeySize {
            wire: bodies * f64::from(self.bytes[index(n)]),
            memory: bodies * keyswitch_row_bytes(n) as f64,
        }
    }

    /// The smallest key for which the noise of the keyswitch stays within the room that is left to
    /// it. Both the noise and the room fall with n.
    pub(super) fn smallest(
        &self,
        dimension: u32,
        levels: u32,
        left: impl Fn(u32) -> f64,
    ) -> Option<u32> {
        self.smallest_from(*SMALL_DIMENSIONS.start(), (dimension, levels), left)
    }

    /// The smallest key of `from` dimensions or more for which the noise stays within the room.
    ///
    /// If the noise exceeds the room at n, the smallest key that serves is at least as large as the
    /// smallest whose noise fits the room at n, because the room at larger keys is less. Stepping
    /// there again and again climbs to the smallest key that serves.
    pub(super) fn smallest_from(
        &self,
        from: u32,
        (dimension, levels): (u32, u32),
        left: impl Fn(u32) -> f64,
    ) -> Option<u32> {
        let last = *SMALL_DIMENSIONS.end();
        let mut n = from;
        loop {
            let left = left(n);
            let fits = |n| self.variance(dimension, levels, n) <= left;
            if fits(n) {
                return Some(n);
            }
            if !fits(last) {
                return None;
            }
            // the least that fits: most are near, so strides that double come before bisection
            let (mut below, mut above, mut stride) = (n, n + 1, 1);
            while !fits(above) {
                stride *= 2;
                (below, above) = (above, last.min(above + stride));
            }
            while above - below > 1 {
                let middle = below.midpoint(above);
                if fits(middle) {
                    above = middle
                } else {
                    below = middle
                }
            }
            n = above;
        }
    }

    fn digit(&self, levels: u32, n: u32) -> Digit {
        self.best[levels as usize - 1][index(n)]
    }
}

fn index(n: u32) -> usize {
    (n - SMALL_DIMENSIONS.start()) as usize
}
