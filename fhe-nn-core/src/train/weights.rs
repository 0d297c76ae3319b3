//! Rounding of latent weights to the integers of a neuron.

use std::borrow::Cow;

use fhe_nn_proof::widths::Range;

/// The constraints on the integer weights of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    /// Greatest absolute value.
    pub(super) max: i64,
    /// Whether every weight is 0 or a power of two, with either sign.
    pub(super) powers_of_two: bool,
    /// The fraction of a neuron's weights that is 0.
    pub(super) pruned: f64,
    /// The promise about a neuron's accumulator.
    pub(super) promise: Option<Promise>,
}

/// A promise that sums lie within `sums` for all inputs within `inputs`.
///
/// This is a bound on the 1-norm of the weights. Accumulator-aware quantization (Colbert, Pappalardo,
/// Petri-Koenig 2023, "A2Q: Accumulator-Aware Quantization with Guaranteed Overflow Avoidance", section 3)
/// bounds all of them together. For inputs that are never negative it becomes two bounds, one on the
/// positive and one on the negative weights, each as large as that of A2Q (Colbert et al. 2024, "A2Q+:
/// Improving Accumulator-Aware Weight Quantization", section 3.1). The exact range is tested here, which
/// covers both. [`Rule::integers`] has our own way to make weights keep it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Promise {
    pub(super) inputs: Range,
    pub(super) sums: Range,
}

impl Promise {
    fn holds(&self, weights: &[i64]) -> bool {
        let Range { lo, hi } = self.inputs;
        let (mut least, mut greatest) = (0, 0);
        for &w in weights {
            least += (w * lo).min(w * hi);
            greatest += (w * lo).max(w * hi);
        }
        self.sums.lo <= least && greatest <= self.sums.hi
    }
}

/// Number of bisections for a threshold, which makes it as exact as the latent weights.
const BISECTIONS: u32 = 24;

impl Rule {
    /// The integers of one neuron, nearest to its latent weights in units of its scale. A neuron that would
    /// break its promise is moved towards 0 by the least soft threshold with which it keeps it. This is the
    /// projection to a 1-norm (Duchi et al. 2008, "Efficient Projections onto the l1-Ball for Learning in
    /// High Dimensions", section 4), except that the rounded weights keep the bound and not the exact ones.
    pub(super) fn integers(&self, latent: &[f32]) -> Vec<i64> {
        let kept = self.kept(latent);
        let rounded = |threshold: f32| -> Vec<i64> {
            let each = kept.iter().map(|&v| {
                let size = (v.abs() - threshold).max(0.0);
                self.nearest(size) * if v < 0.0 { -1 } else { 1 }
            });
            each.collect()
        };
        let nearest = rounded(0.0);
        let Some(promise) = self.promise.filter(|promise| !promise.holds(&nearest)) else {
            return nearest;
        };
        let (mut breaks, mut holds) =
            (0.0, kept.iter().fold(0.0, |most: f32, v| most.max(v.abs())));
        for _ in 0..BISECTIONS {
            let middle = (breaks + holds) / 2.0;
            if promise.holds(&rounded(middle)) {
                holds = middle;
            } else {
                breaks = middle;
            }
        }
        rounded(holds)
    }

    /// The allowed integer nearest to an absolute value.
    fn nearest(&self, size: f32) -> i64 {
        let nearest = (size.round_ties_even() as i64).min(self.max);
        let size = f64::from(size);
        if !self.powers_of_two || nearest < 3 {
            return nearest;
        }
        let below = 1 << nearest.ilog2();
        if size - (below as f64) < (2 * below) as f64 - size || 2 * below > self.max {
            below
        } else {
            2 * below
        }
    }

    /// The latent weights, of which the smallest are set to 0.
    fn kept<'a>(&self, latent: &'a [f32]) -> Cow<'a, [f32]> {
        if self.pruned == 0.0 {
            return latent.into();
        }
        let mut kept = latent.to_vec();
        let pruned = (self.pruned * latent.len() as f64).floor() as usize;
        let mut order: Vec<usize> = (0..latent.len()).collect();
        order.sort_by(|&a, &b| latent[a].abs().total_cmp(&latent[b].abs()));
        for &i in &order[..pruned.min(latent.len())] {
            kept[i] = 0.0;
        }
        kept.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule {
        max: 7,
        powers_of_two: false,
        pruned: 0.0,
        promise: None,
    };

    proptest! {
        #[test]
        fn a_promise_is_kept_by_as_little_as_it_takes(
            latent in prop::collection::vec(-8f32..8.0, 1..40),
            bits in 2u32..9,
        ) {
            let promise = Promise { inputs: Range::unsigned(2), sums: Range::signed(bits) };
            let rule = Rule { promise: Some(promise), ..RULE };
            let (free, held) = (RULE.integers(&latent), rule.integers(&latent));
            prop_assert!(promise.holds(&held));
            prop_assert!(free == held || !promise.holds(&free));
            prop_assert!(held.iter().zip(&free).all(|(h, f)| h.abs() <= f.abs() && h * f >= 0));
        }

        #[test]
        fn powers_of_two_are_the_nearest(latent in -9f32..9.0) {
            let rule = Rule { powers_of_two: true, ..RULE };
            let found = rule.integers(&[latent])[0];
            let all = [0, 1, 2, 4, -1, -2, -4];
            let distance = |w: i64| (latent - w as f32).abs();
            prop_assert!(all.contains(&found));
            prop_assert!(all.iter().all(|&w| distance(found) <= distance(w)));
        }
    }

    #[test]
    fn the_smallest_weights_are_pruned() {
        let rule = Rule {
            pruned: 0.5,
            ..RULE
        };
        assert_eq!(
            rule.integers(&[2.0, -1.0, 0.6, -3.0, 0.9]),
            [2, -1, 0, -3, 0]
        );
    }
}
