//! The counts and samples of encrypted runs that agree with simulated ones.
//!
//! **Counts.** Events that are rare and independent from run to run are Poisson, but their rate is not that
//! of the simulation, for two reasons. There are finitely many simulated runs: `K` events tell their rate
//! with a relative variance of `1 / K`. And a prediction is for the average key: for one key, its variance
//! has a relative variance, `v`, as in `noise::interval`. Where a rate goes with the power `s` of the
//! variance, its relative variance is `s^2 v` over keys, and that of its mean over `k` keys is `s^2 v / k`.
//! A Poisson count whose rate varies like this, as a gamma distribution, is negative binomial; all tails
//! below are its own.
//!
//! The power of a failure at z deviations is `z phi(z) / 2 Q(z)`, less than `(z^2 + 1) / 2` (Mills' ratio).
//! A step of approximate rounding is as likely as its deviation is large, so its power is 1/2.
//!
//! **Distributions.** Means and variances of independent samples differ by a number of standard errors;
//! that of a variance comes from the fourth moment. Their distribution functions differ by Kolmogorov and
//! Smirnov's `sqrt(ln(2 / level) / 2 (1/n + 1/m))` at most, or less often than that if values tie.
//!
//! Every comparison fails with a probability of [`LEVEL`] or less if all is as it should be.

use core::ops::RangeInclusive;

use fhe_nn_proof::noise::standard_deviations;
use fhe_nn_proof::plan::Plan;

/// Probability that one comparison fails by chance.
pub(super) const LEVEL: f64 = 1e-5;

/// How often something happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Number of simulated events.
    pub(super) simulated: usize,
    /// Number of simulations of all inputs for every encrypted run of them.
    pub(super) runs: usize,
    /// The relative variance of the rate over keys.
    pub(super) spread: f64,
}

impl Rate {
    /// Returns the mean of the count in encrypted runs.
    pub(super) fn expected(self) -> f64 {
        self.simulated as f64 / self.runs as f64
    }

    /// Returns the counts in encrypted runs that agree.
    pub(super) fn interval(self) -> RangeInclusive<usize> {
        let mean = self.expected();
        let spread = 1.0 / self.simulated as f64 + self.spread;
        let size = 1.0 / spread;
        let mut term = (-size * (mean / size).ln_1p()).exp();
        let (mut sum, mut least) = (term, None);
        for k in 0.. {
            if least.is_none() && sum >= LEVEL / 2.0 {
                least = Some(k);
            }
            if sum >= 1.0 - LEVEL / 2.0 {
                return least.unwrap_or(k)..=k;
            }
            let next = (k + 1) as f64;
            term *= (size + k as f64) / next * mean / (size + mean);
            sum += term;
        }
        unreachable!("the terms add up to 1")
    }

    /// Panics if a count does not agree, or if the interval is too wide to tell anything.
    pub(super) fn check(self, name: &str, count: usize) {
        let (expected, interval) = (self.expected(), self.interval());
        println!("{name}: {count}, simulated {expected:.1}, in {interval:?}");
        assert!(
            interval.contains(&count),
            "{name}: {count} outside {interval:?}"
        );
        let (least, most) = (*interval.start() as f64, *interval.end() as f64);
        assert!(
            5.0 * least > expected && most < 3.0 * expected,
            "{name}: {interval:?} is too wide"
        );
    }
}

/// Returns the relative variance of the variance of noise over keys, of the part of the noise that varies
/// most.
pub(super) fn key_variance(plan: &Plan) -> f64 {
    let parts = plan.every_bootstrap().flat_map(|(from, bootstrap)| {
        let (n, large) = (bootstrap.small_dimension, bootstrap.shape.lwe_dimension());
        let switch = bootstrap.keyswitch.map_or(0.0, |_| 2.0 / f64::from(from));
        [switch, 1.0 / f64::from(n) + 1.0 / f64::from(large)]
    });
    let scores = plan.output.keyswitch;
    let scores = scores.map_or(0.0, |_| 2.0 / f64::from(plan.last_dimension()));
    parts.fold(scores, f64::max)
}

/// Independent values.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    sorted: Vec<i64>,
}

impl Sample {
    pub(super) fn new(values: impl Iterator<Item = i64>) -> Self {
        let mut sorted: Vec<i64> = values.collect();
        sorted.sort_unstable();
        Sample { sorted }
    }

    /// Panics if the values do not come from the distribution of the others.
    pub(super) fn check(&self, name: &str, simulated: &Sample) {
        let z = standard_deviations(-LEVEL.log2());
        let part = 1.0 / self.len() + 1.0 / simulated.len();
        let (mean, variance) = (simulated.mean(), simulated.moment(2));
        let of_variance = simulated.moment(4) - variance * variance;
        let largest = ((2.0 / LEVEL).ln() / 2.0 * part).sqrt();
        let checks = [
            ("mean", self.mean(), mean, z * (variance * part).sqrt()),
            (
                "variance",
                self.moment(2),
                variance,
                z * (of_variance * part).sqrt(),
            ),
            ("distance", self.distance(simulated), 0.0, largest),
        ];
        for (what, value, expected, width) in checks {
            println!("{name}, {what}: {value:.4} in {expected:.4} +- {width:.4}");
            assert!(
                (value - expected).abs() <= width,
                "{name}, {what}: {value} is not {expected} +- {width}"
            );
        }
    }

    fn len(&self) -> f64 {
        self.sorted.len() as f64
    }

    fn mean(&self) -> f64 {
        self.sorted.iter().map(|&x| x as f64).sum::<f64>() / self.len()
    }

    /// Returns the moment of this power about the mean.
    fn moment(&self, power: i32) -> f64 {
        let mean = self.mean();
        let powers = self.sorted.iter().map(|&x| (x as f64 - mean).powi(power));
        powers.sum::<f64>() / self.len()
    }

    /// Returns the greatest difference of the distribution functions.
    fn distance(&self, other: &Sample) -> f64 {
        let part = |sample: &Sample, x| {
            sample.sorted.partition_point(|&value| value <= x) as f64 / sample.len()
        };
        let mut values = [self.sorted.as_slice(), &other.sorted].concat();
        values.sort_unstable();
        values.dedup();
        let distances = values
            .iter()
            .map(|&x| (part(self, x) - part(other, x)).abs());
        distances.fold(0.0, f64::max)
    }
}

#[test]
fn an_interval_is_that_of_poisson_if_the_rate_is_known() {
    let rate = Rate {
        simulated: 20_000_000_000,
        runs: 1_000_000_000,
        spread: 0.0,
    };
    // P[K <= 3] = 3.2e-6, P[K <= 4] = 1.7e-5; P[K > 42] = 5.4e-6, P[K > 43] = 2.4e-6
    assert_eq!(rate.interval(), 4..=43);
}

#[test]
fn a_rate_that_varies_allows_more() {
    let interval = |simulated, spread| {
        let runs = simulated / 100;
        let rate = Rate {
            simulated,
            runs,
            spread,
        };
        rate.interval()
    };
    let (known, varies, few) = (
        interval(1_000_000_000, 0.0),
        interval(1_000_000_000, 0.04),
        interval(1000, 0.0),
    );
    for wider in [varies, few] {
        assert!(wider.start() < known.start() && wider.end() > known.end());
    }
}

#[test]
fn other_distributions_are_far_away() {
    let values = |scale: i64, shift| Sample::new((0..1000).map(move |x| scale * (x % 10) + shift));
    let simulated = values(2, 0);
    simulated.check("itself", &simulated);
    assert_eq!(simulated.distance(&values(2, 100)), 1.0);
    // half of the values are below 10, a quarter or all of other ones
    assert_eq!(simulated.distance(&values(1, 0)), 0.5);
    assert_eq!((simulated.mean(), simulated.moment(2)), (9.0, 33.0));
}
