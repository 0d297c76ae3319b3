//! Rounding of weights to integers, so that the sums that they make are kept.
//!
//! The nearest integer to each weight keeps the weights best, and that is not what a neuron is for. With the second
//! moments `M` of what weights multiply, rounding errors `e` move the neuron's sum by `e^T M e`, in the mean of squares.
//! Values vary together, so the error of one weight can make up for that of another. With `M = L D L^T`, where `L` is
//! lower triangular with ones on its diagonal,
//!
//! ```text
//! e^T M e = sum over k of D_k (e_k + sum over j > k of L_jk e_j)^2
//! ```
//!
//! so weights are rounded from the last to the first, each with what the errors of those after it add to it. This is the
//! nearest-plane method of Babai (1986, "On Lovász' lattice reduction and the nearest lattice point problem"); for
//! weights, Frantar et al. (2022, "GPTQ") and Chee et al. (2023, "QuIP", section 3.2).

use ndarray::{Array2, ArrayView1, Axis, s};

use super::moments::Moments;
use super::reads::Reads;
use super::regression::Regression;

/// The rounding of the weights of a group's neurons.
pub(super) struct Rounding {
    /// Consecutive weights that are rounded together.
    blocks: Vec<Block>,
    /// The value that each weight multiplies at each position, `[positions, taps]`; `None` for padding and for what is
    /// dropped.
    pub(super) windows: Array2<Option<usize>>,
}

/// Rounded weights.
pub(super) struct Rounded {
    pub(super) weights: Vec<i16>,
    /// Real value of one unit of a weight.
    pub(super) scale: f64,
}

/// At most this many weights are rounded together: time grows with the cube.
const MOST_TOGETHER: usize = 1 << 10;
/// Ratio of one candidate scale to the next larger.
const STEP: f64 = 0.97;
/// Number of candidates on either side of the scale that keeps the weights best.
const STEPS: i32 = 12;

/// Weights that are rounded together, with the moments of what they multiply.
enum Block {
    /// Nothing is known of what this many weights multiply: their own errors count.
    Nearest(usize),
    Together(Factors, Option<Regression>),
}

/// Moments, factored.
pub(super) struct Factors {
    /// The weights in the order of the factors: that with the least pivot first.
    order: Vec<usize>,
    /// `L^T`, `[weights, weights]`, in that order.
    lower: Array2<f64>,
    /// `D`.
    pivots: Vec<f64>,
}

impl Rounding {
    /// Prepares the rounding of neurons, for each group of channels.
    pub(super) fn of_groups(reads: Reads<'_>) -> Vec<Self> {
        let taps = reads.linear.taps;
        let groups = reads.linear.window.map_or(1, |window| window.groups);
        let block = |group, from: usize| {
            let to = taps.min(from + MOST_TOGETHER);
            match Moments::estimate(reads, group, (from, to)) {
                Some(moments) => {
                    let factors = Factors::of(moments.values.clone());
                    let regression = Regression::of(&moments, &factors);
                    Block::Together(factors, regression)
                }
                None => Block::Nearest(to - from),
            }
        };
        let all = (0..groups).map(|group| Rounding {
            blocks: (0..taps)
                .step_by(MOST_TOGETHER)
                .map(|from| block(group, from))
                .collect(),
            windows: reads.windows(group, (0, taps)),
        });
        all.collect()
    }

    /// Rounds weights to multiples of a scale, with absolute values of at most `max` units.
    pub(super) fn with_scale(&self, floats: &[f64], scale: f64, max: i64) -> Rounded {
        self.attempt(&self.aim(floats), scale, max).0
    }

    /// Rounds weights to multiples of a scale near this one: that which keeps the sums best, or one of up to twice that, by
    /// which no more weights are cut, if what is read of the sums is kept better. Their reader rounds them to multiples of a
    /// `step`, in units of the scale and of what weights multiply; where there is none, a promise is not kept, and other
    /// scales are preferred.
    pub(super) fn near_scale(
        &self,
        floats: &[f64],
        scale: f64,
        max: i64,
        step: impl Fn(&Rounded) -> Option<f64>,
    ) -> Rounded {
        let aim = self.aim(floats);
        let attempt = |k: i32| self.attempt(&aim, scale * STEP.powi(k), max);
        let order = |(_, a): &(i32, f64), (_, b): &(i32, f64)| a.total_cmp(b);
        let of_sums = (-STEPS..=STEPS).map(|k| (k, attempt(k).1));
        let from = of_sums.min_by(order).map_or(0, |(k, _)| k);
        let mut attempts: Vec<(Rounded, f64)> = (from - 2 * STEPS..=from).map(attempt).collect();
        attempts.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let (mut best, mut least) = (None, f64::INFINITY);
        for (rounded, error) in attempts {
            if best.is_some() && error >= least {
                break;
            }
            // what is rounded to a multiple of a step has an error that is uniform over the step
            let of_step = step(&rounded).map_or(f64::INFINITY, |step| step * step / 12.0);
            if best.is_none() || error + of_step < least {
                least = error + of_step;
                best = Some(rounded);
            }
        }
        best.unwrap_or_else(|| self.with_scale(floats, scale, max))
    }

    /// The weights with which the integers, before they are rounded, keep sums of the reals best.
    fn aim(&self, floats: &[f64]) -> Vec<f64> {
        let mut aim = floats.to_vec();
        let mut rest = &mut aim[..];
        for block in &self.blocks {
            let (own, others) = rest.split_at_mut(block.len());
            rest = others;
            if let Block::Together(_, Some(regression)) = block {
                regression.correct(own);
            }
        }
        aim
    }

    /// Rounds weights, and finds the mean square of the error of a sum.
    fn attempt(&self, floats: &[f64], scale: f64, max: i64) -> (Rounded, f64) {
        let (mut weights, mut error) = (Vec::with_capacity(floats.len()), 0.0);
        for block in &self.blocks {
            let own = &floats[weights.len()..weights.len() + block.len()];
            error += block.round(own, scale, max, &mut weights);
        }
        (Rounded { weights, scale }, error)
    }
}

impl Block {
    fn len(&self) -> usize {
        match self {
            Block::Nearest(weights) => *weights,
            Block::Together(factors, _) => factors.order.len(),
        }
    }

    /// Adds the integers of these weights, and returns the mean square of the error of their sum.
    fn round(&self, floats: &[f64], scale: f64, max: i64, to: &mut Vec<i16>) -> f64 {
        match self {
            Block::Nearest(_) => {
                let integers = floats.iter().map(|w| nearest(w / scale, max));
                to.extend(integers.clone().map(|integer| integer as i16));
                let errors = floats
                    .iter()
                    .zip(integers)
                    .map(|(w, integer)| w - scale * integer);
                errors.map(|error| error * error).sum()
            }
            Block::Together(factors, _) => factors.round(floats, scale, max, to),
        }
    }
}

impl Factors {
    /// Factors moments, with the least of the pivots that remain first: what is rounded first then has the least error that
    /// nothing can make up for.
    pub(super) fn of(mut rest: Array2<f64>) -> Self {
        let count = rest.nrows();
        let mut order: Vec<usize> = (0..count).collect();
        let mut lower = Array2::zeros((count, count));
        let mut pivots = Vec::with_capacity(count);
        for k in 0..count {
            let pivot = |&place: &usize| rest[[order[place], order[place]]];
            let least = (k..count).min_by(|a, b| pivot(a).total_cmp(&pivot(b)));
            order.swap(k, least.unwrap_or(k));
            let own = order[k];
            let pivot = rest[[own, own]];
            let column = rest.row(own).to_owned();
            for &other in &order[k + 1..] {
                let factor = column[other] / pivot;
                if factor != 0.0 {
                    rest.row_mut(other).scaled_add(-factor, &column);
                }
            }
            lower.row_mut(k).assign(&(column / pivot));
            pivots.push(pivot);
        }
        // from the order of the weights to that of the factors
        let lower = Array2::from_shape_fn((count, count), |(k, j)| lower[[k, order[j]]]);
        Factors {
            order,
            lower,
            pivots,
        }
    }

    /// Solves `M x = y` for every column of `y`, which `x` takes the place of.
    pub(super) fn solve(&self, y: &Array2<f64>) -> Array2<f64> {
        let count = self.order.len();
        let mut x = y.select(Axis(0), &self.order);
        for k in 1..count {
            let (before, mut own) = x.view_mut().split_at(Axis(0), k);
            let moved = self.lower.slice(s![..k, k]).dot(&before);
            own.row_mut(0)
                .zip_mut_with(&moved, |own, moved| *own -= moved);
        }
        for (mut row, pivot) in x.rows_mut().into_iter().zip(&self.pivots) {
            row /= *pivot;
        }
        for k in (0..count.saturating_sub(1)).rev() {
            let (mut own, after) = x.view_mut().split_at(Axis(0), k + 1);
            let moved = self.lower.slice(s![k, k + 1..]).dot(&after);
            own.row_mut(k)
                .zip_mut_with(&moved, |own, moved| *own -= moved);
        }
        let mut places = vec![0; count];
        for (k, &place) in self.order.iter().enumerate() {
            places[place] = k;
        }
        x.select(Axis(0), &places)
    }

    /// Adds the integers of these weights, and returns the mean square of the error of their sum.
    fn round(&self, floats: &[f64], scale: f64, max: i64, to: &mut Vec<i16>) -> f64 {
        let count = self.order.len();
        let begin = to.len();
        to.resize(begin + count, 0);
        let mut errors = vec![0.0; count];
        let mut total = 0.0;
        for k in (0..count).rev() {
            let after = ArrayView1::from(&errors[k + 1..]);
            let moved = floats[self.order[k]] + self.lower.slice(s![k, k + 1..]).dot(&after);
            let integer = nearest(moved / scale, max);
            to[begin + self.order[k]] = integer as i16;
            errors[k] = floats[self.order[k]] - scale * integer;
            total += self.pivots[k] * (moved - scale * integer).powi(2);
        }
        total
    }
}

/// The nearest integer, cut to an absolute value of at most `max`.
pub(super) fn nearest(w: f64, max: i64) -> f64 {
    w.round_ties_even().clamp(-max as f64, max as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// Moments of values that are sums of the same few causes, and of something of their own.
    fn moments(taps: usize) -> impl Strategy<Value = Array2<f64>> {
        let causes = prop::collection::vec(-1.0..1.0_f64, taps * 4);
        let own = prop::collection::vec(0.01..0.2_f64, taps);
        (causes, own).prop_map(move |(causes, own)| {
            let causes = Array2::from_shape_vec((taps, 4), causes).expect("as many values");
            causes.dot(&causes.t()) + Array2::from_diag(&Array1::from(own))
        })
    }

    fn rounding(blocks: Vec<Block>) -> Rounding {
        let windows = Array2::from_elem((0, 0), None);
        Rounding { blocks, windows }
    }

    fn together(moments: &Array2<f64>) -> Block {
        Block::Together(Factors::of(moments.clone()), None)
    }

    /// The mean square of the error of a sum, by its definition.
    fn error(moments: &Array2<f64>, floats: &[f64], rounded: &Rounded) -> f64 {
        let integers = rounded
            .weights
            .iter()
            .map(|&w| f64::from(w) * rounded.scale);
        let errors: Vec<f64> = floats.iter().zip(integers).map(|(x, q)| x - q).collect();
        let errors = ArrayView1::from(&errors);
        errors.dot(&moments.dot(&errors))
    }

    proptest! {
        #[test]
        fn an_error_is_what_the_moments_say(
            moments in moments(12),
            floats in prop::collection::vec(-4.0..4.0_f64, 12),
            scale in 0.2..2.0_f64,
        ) {
            let rounding = rounding(vec![together(&moments)]);
            let (rounded, found) = rounding.attempt(&floats, scale, 3);
            let expected = error(&moments, &floats, &rounded);
            prop_assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "{found} {expected}");
            prop_assert!(rounded.weights.iter().all(|w| w.abs() <= 3));
            let near = rounding.near_scale(&floats, scale, 3, |_| Some(0.0));
            let best = error(&moments, &floats, &near);
            prop_assert!(best <= expected + 1e-9);
        }

        #[test]
        fn a_coarse_step_leads_to_another_scale(
            moments in moments(12),
            floats in prop::collection::vec(-4.0..4.0_f64, 12),
            from in 0.4..0.55_f64,
        ) {
            let rounding = rounding(vec![together(&moments)]);
            // scales below this have steps that nothing makes up for, and far smaller ones break a promise
            let step = |rounded: &Rounded| match rounded.scale {
                scale if scale < 0.9 * from => None,
                scale if scale < from => Some(1e3),
                _ => Some(0.0),
            };
            let near = rounding.near_scale(&floats, 0.4, 3, step);
            prop_assert!(near.scale >= from, "{} {from}", near.scale);
            // where all break, the sums alone decide
            let broken = rounding.near_scale(&floats, 0.4, 3, |_| None);
            let free = rounding.near_scale(&floats, 0.4, 3, |_| Some(0.0));
            prop_assert_eq!(broken.scale, free.scale);
        }

        #[test]
        fn solutions_solve(
            moments in moments(9),
            y in prop::collection::vec(-4.0..4.0_f64, 18),
        ) {
            let y = Array2::from_shape_vec((9, 2), y).expect("as many values");
            let back = moments.dot(&Factors::of(moments.clone()).solve(&y));
            prop_assert!((&back - &y).iter().all(|x| x.abs() < 1e-9), "{back} {y}");
        }

        #[test]
        fn multiples_of_a_scale_stay_what_they_are(
            moments in moments(7),
            weights in prop::collection::vec(-7..=7_i16, 12),
        ) {
            let rounding = rounding(vec![Block::Nearest(5), together(&moments)]);
            let floats: Vec<f64> = weights.iter().map(|&w| f64::from(w) * 0.3).collect();
            prop_assert_eq!(&rounding.near_scale(&floats, 0.3, 7, |_| Some(0.0)).weights, &weights);
            let unknown = Rounding { blocks: vec![Block::Nearest(12)], ..rounding };
            prop_assert_eq!(&unknown.near_scale(&floats, 0.3, 7, |_| Some(0.0)).weights, &weights);
        }
    }

    #[test]
    fn sums_are_kept_better_than_by_the_nearest_integers() {
        let mut runner = TestRunner::deterministic();
        let weights = prop::collection::vec(-1.0..1.0_f64, 24);
        let (mut kept, mut of_nearest) = (0.0, 0.0);
        for _ in 0..50 {
            let moments = moments(24)
                .new_tree(&mut runner)
                .expect("no filter")
                .current();
            let floats = weights.new_tree(&mut runner).expect("no filter").current();
            let error = |blocks| {
                let rounding = rounding(blocks);
                error(&moments, &floats, &rounding.with_scale(&floats, 0.4, 3))
            };
            kept += error(vec![together(&moments)]);
            of_nearest += error(vec![Block::Nearest(24)]);
        }
        assert!(kept < 0.3 * of_nearest, "{kept} {of_nearest}");
    }
}
