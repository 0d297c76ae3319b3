//! The probability that Gaussian noise leaves an interval.

/// Logarithm to base 2 of the probability that Gaussian noise of this variance leaves
/// `[-half_step, half_step]`: `log2 erfc(half_step / sqrt(2 variance))`.
pub fn log2_failure(half_step: f64, variance: f64) -> f64 {
    log2_erfc(half_step / libm::sqrt(2.0 * variance))
}

/// Number of standard deviations that half a step must hold so that noise leaves it with probability
/// `2^-failure_bits`: the z with `erfc(z / sqrt 2) = 2^-failure_bits`.
pub fn standard_deviations(failure_bits: f64) -> f64 {
    let (mut below, mut above) = (0.0, 64.0);
    for _ in 0..64 {
        let z = 0.5 * (below + above);
        if log2_erfc(z / core::f64::consts::SQRT_2) > -failure_bits {
            below = z
        } else {
            above = z
        }
    }
    above
}

/// `log2(2^a_1 + 2^a_2 + ..)`: the logarithm of a sum of probabilities.
pub fn log2_sum(logarithms: impl IntoIterator<Item = f64>) -> f64 {
    logarithms.into_iter().fold(f64::NEG_INFINITY, |a, b| {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        if low == f64::NEG_INFINITY {
            high
        } else {
            high + libm::log2(1.0 + libm::exp2(low - high))
        }
    })
}

/// `erfc` underflows beyond 26; from there on its first asymptotic term
/// `exp(-x^2) / (x sqrt pi)` (Abramowitz and Stegun 7.1.23), an upper bound.
fn log2_erfc(x: f64) -> f64 {
    if x < 26.0 {
        libm::log2(libm::erfc(x))
    } else {
        let sqrt_pi = libm::sqrt(core::f64::consts::PI);
        -x * x * core::f64::consts::LOG2_E - libm::log2(x * sqrt_pi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_deviations_of_the_design() {
        for (bits, z) in [(128.0, 13.11), (64.0, 9.16), (40.0, 7.15)] {
            assert!((standard_deviations(bits) - z).abs() < 0.01, "{bits}");
        }
    }

    #[test]
    fn the_failure_of_z_standard_deviations_is_the_one_asked_for() {
        for bits in [10.0, 40.0, 128.0, 900.0, 1500.0] {
            let z = standard_deviations(bits);
            assert!((log2_failure(z, 1.0) + bits).abs() < 1e-6, "{bits}");
        }
    }

    #[test]
    fn the_tail_continues_the_function() {
        assert!((log2_erfc(25.999_999) - log2_erfc(26.000_001)).abs() < 2e-3);
    }

    #[test]
    fn sums_of_probabilities() {
        assert_eq!(log2_sum([-3.0, -3.0]), -2.0);
        assert_eq!(log2_sum([]), f64::NEG_INFINITY);
        assert_eq!(log2_sum([-2000.0, -1.0]), -1.0);
    }
}
