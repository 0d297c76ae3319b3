//! The measurements that a prediction allows.
//!
//! Errors are Gaussian of mean 0 with the predicted variance, so the mean of `COUNT` squares divided
//! by that variance is chi-squared with `COUNT` degrees of freedom over `COUNT`: of mean 1 and
//! variance `2 / COUNT`. The squares are taken about the mean of the errors, which must itself lie within
//! `5 sqrt(variance / COUNT)` of 0, so a bias is noticed.
//!
//! A part of some errors is one constant for all ciphertexts under a key, drawn with the key: half of the
//! sum of a keyswitching key's noise, because the mean of digits is -1/2. One key shows one square of it, which
//! has any ratio to its variance. So this part allows the mean as much more, and is no part of the squares. Behind a
//! keyswitch, a bias below that goes unnoticed.
//!
//! A prediction is for the average key, a measurement for one. Where errors grow with the Hamming weight of
//! a binary key of dimension D, their variance has a relative variance of `1 / D` over keys. Where they are
//! drawn from D elements of noise in a public key, it is `2 / D`. So a ratio of measurement to prediction
//! must lie in
//!
//! `1 +- 5 sqrt(2 / COUNT + key_variance)`,
//!
//! which it leaves with a probability near `2e-6` (five standard deviations, with the heavier upper
//! tail of chi-squared), and all ratios of this test together in less than one run of 5,000.
//!
//! One part of a prediction is not derived: the loss of floating-point transforms in a bootstrap is tfhe's
//! fit to measurements, from above. The lower end of the interval is that of the prediction without this
//! part.

use fhe_nn_proof::noise::{PAIR_TRANSFORMS, Term, bootstrap_transform_variance, gain};
use fhe_nn_proof::plan::Bootstrap;
use fhe_nn_proof::widths::Range;

use crate::engine::tests::random::Random;

/// Number of ciphertexts of every measurement.
pub(super) const COUNT: usize = 1024;

/// Half the width of the interval in standard deviations.
const Z: f64 = 5.0;

/// The prediction of errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prediction {
    /// The mean square.
    pub(super) variance: f64,
    /// The part of the variance that the values of one bootstrap have in common.
    pub(super) common: f64,
    /// The part of the variance that is fitted from above.
    pub(super) fitted: f64,
    /// The part of `common` that is fitted from above.
    pub(super) fitted_common: f64,
    /// The part of the variance that is one constant for all ciphertexts under a key.
    pub(super) constant: f64,
    /// The relative variance of the variance over keys.
    pub(super) key_variance: f64,
}

/// Weight `q n + j` is that of value q of bootstrap j of n.
pub(super) fn values(weights: &[f64], phases: usize) -> Vec<Term> {
    let bootstraps = weights.len() / phases;
    let term = |(index, &weight): (usize, &f64)| Term {
        weight,
        lookup: 1,
        kind: index % bootstraps,
        bootstrap: index % bootstraps,
        phase: (index / bootstraps) as u32,
        phases: phases as u32,
    };
    weights.iter().enumerate().map(term).collect()
}

impl Prediction {
    /// Predicts the noise of a bootstrap's results.
    pub(super) fn of(bootstrap: &Bootstrap) -> Self {
        let (n, shape) = (bootstrap.small_dimension, bootstrap.shape);
        let transforms = match bootstrap.key_bits {
            1 => 1.0,
            _ => PAIR_TRANSFORMS,
        };
        let common = bootstrap.shared_variance(1.0) - bootstrap.result_variance();
        let digits = bootstrap.product_digits();
        Prediction {
            variance: bootstrap.result_variance(),
            common,
            fitted: transforms * bootstrap_transform_variance(n, shape, digits),
            fitted_common: common,
            constant: 0.0,
            key_variance: 1.0 / f64::from(n) + 1.0 / f64::from(shape.lwe_dimension()),
        }
    }

    /// Predicts a derived variance that is the same for every key.
    pub(super) fn exact(variance: f64) -> Self {
        Prediction {
            variance,
            common: 0.0,
            fitted: 0.0,
            fitted_common: 0.0,
            constant: 0.0,
            key_variance: 0.0,
        }
    }

    /// Predicts sums of all values of a bootstrap with these weights.
    ///
    /// # Panics
    ///
    /// When the errors have a constant part, which adds up in another way.
    pub(super) fn times(self, weights: &[i16]) -> Self {
        assert_eq!(
            self.constant, 0.0,
            "constants add up before they are squared"
        );
        let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
        let gain = gain(&mut values(&weights, weights.len()));
        let (norm_squared, more) = (gain.square, gain.square * gain.shared);
        Prediction {
            variance: norm_squared * self.variance + more * self.common,
            common: 0.0,
            fitted: norm_squared * self.fitted + more * self.fitted_common,
            fitted_common: 0.0,
            ..self
        }
    }

    /// Predicts the sum of two independent errors. No key makes the sum vary by more than the part that
    /// varies most.
    pub(super) fn plus(self, other: Self) -> Self {
        Prediction {
            variance: self.variance + other.variance,
            common: self.common + other.common,
            fitted: self.fitted + other.fitted,
            fitted_common: self.fitted_common + other.fitted_common,
            constant: self.constant + other.constant,
            key_variance: self.key_variance.max(other.key_variance),
        }
    }

    /// Panics with what was measured if errors are not those predicted.
    pub(super) fn check(self, name: &str, errors: &[f64]) {
        let (ratio, least, most) = (self.ratio(errors), self.least(), self.most());
        let (bias, limit) = (mean(errors) / self.deviation(), self.bias());
        println!("{name}: {ratio:.3} in [{least:.3}, {most:.3}], mean {bias:.3} within {limit:.3}");
        assert!(
            self.allows(errors),
            "{name}: {ratio} outside [{least}, {most}], or a mean of {bias} deviations beyond {limit}"
        );
    }

    fn allows(self, errors: &[f64]) -> bool {
        (self.least()..=self.most()).contains(&self.ratio(errors))
            && mean(errors).abs() <= self.bias() * self.deviation()
    }

    /// Panics with the measured ratio if errors that have inputs in common are not those predicted. How far their mean
    /// may be off is not known, so their squares are taken about 0, and a bias counts as noise.
    pub(super) fn check_squares(self, name: &str, errors: &[f64]) {
        let (ratio, least, most) = (self.ratio_about(0.0, errors), self.least(), self.most());
        println!("{name}: {ratio:.3} in [{least:.3}, {most:.3}]");
        assert!(
            (least..=most).contains(&ratio),
            "{name}: {ratio} outside [{least}, {most}]"
        );
    }

    fn ratio(self, errors: &[f64]) -> f64 {
        self.ratio_about(mean(errors), errors)
    }

    /// Returns the mean square about a value over the variance of the part that is not constant.
    fn ratio_about(self, center: f64, errors: &[f64]) -> f64 {
        assert_eq!(errors.len() % COUNT, 0, "whole samples");
        let squares: f64 = errors.iter().map(|e| (e - center).powi(2)).sum();
        squares / errors.len() as f64 / self.varying()
    }

    /// Returns the part of the variance that differs between ciphertexts.
    fn varying(self) -> f64 {
        self.variance - self.constant
    }

    fn deviation(self) -> f64 {
        self.variance.sqrt()
    }

    /// Returns the largest mean that is allowed, in standard deviations.
    fn bias(self) -> f64 {
        let of_the_mean = self.varying() / COUNT as f64 + self.constant;
        Z * (of_the_mean / self.variance).sqrt()
    }

    fn least(self) -> f64 {
        (1.0 - self.fitted / self.varying()) * (1.0 - self.width())
    }

    fn most(self) -> f64 {
        1.0 + self.width()
    }

    fn width(self) -> f64 {
        Z * (2.0 / COUNT as f64 + self.key_variance).sqrt()
    }
}

fn mean(errors: &[f64]) -> f64 {
    errors.iter().sum::<f64>() / errors.len() as f64
}

/// Returns as many errors as are measured, uniform of variance 1. [`Prediction::check`] must tell this
/// variance from any other.
fn errors() -> Vec<f64> {
    let mut random = Random(3);
    let uniform = |_| random.within(Range::signed(20)) as f64 / f64::from(1 << 20);
    (0..COUNT).map(uniform).map(|x| x * 12f64.sqrt()).collect()
}

#[test]
fn the_true_variance_is_allowed() {
    assert!(Prediction::exact(1.0).allows(&errors()));
}

#[test]
fn half_and_twice_the_variance_are_detected() {
    for wrong in [0.5, 2.0] {
        assert!(!Prediction::exact(wrong).allows(&errors()), "{wrong}");
    }
}

#[test]
fn a_fitted_part_may_be_too_large_but_not_too_small() {
    let fitted = |variance| Prediction {
        fitted: variance / 2.0,
        ..Prediction::exact(variance)
    };
    assert!(fitted(2.0).allows(&errors()));
    assert!(!fitted(0.5).allows(&errors()));
    assert!(!fitted(4.0).allows(&errors()));
}

#[test]
fn a_bias_is_noticed_unless_it_may_be_the_constant_of_a_key() {
    let biased = |bias: f64| -> Vec<f64> { errors().iter().map(|e| e + bias).collect() };
    assert!(!Prediction::exact(1.0).allows(&biased(0.25)));
    let constant = |constant| Prediction {
        constant,
        ..Prediction::exact(1.0 + constant)
    };
    assert!(constant(0.0625).allows(&biased(0.25)));
    assert!(!constant(0.0625).allows(&biased(1.5)));
}
