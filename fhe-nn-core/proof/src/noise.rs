//! The noise of every operation, and how likely it is to break a table.
//!
//! The variances are those of `tfhe::core_crypto::commons::noise_formulas` (tfhe-rs 1.8, Gaussian
//! noise, 132 bits of security), for the ciphertext modulus `2^64`; a test in the workspace holds
//! them equal to tfhe's own functions. All variances are relative to the torus: a standard
//! deviation of `2^-20` is a millionth of the circle. They are evaluated with `libm`, so that every
//! machine finds the same numbers.

use serde::{Deserialize, Serialize};

/// Security that the noise is chosen for, in bits: that of tfhe's `secure_noise` formulas.
pub const SECURITY_BITS: u32 = 132;

/// Bits of the ciphertext modulus.
pub const MODULUS_BITS: u32 = 64;

/// Bits of the significand with which products of polynomials are computed.
const MANTISSA_BITS: f64 = 53.0;

/// How numbers are cut into digits: `levels` digits of `base_log` bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decomposition {
    /// Bits of a digit.
    pub base_log: u32,
    /// Number of digits.
    pub levels: u32,
}

/// A GLWE shape: `dimension` polynomials of `polynomial_size` coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of mask polynomials, k.
    pub dimension: u32,
    /// Number of coefficients of a polynomial, N, a power of two.
    pub polynomial_size: u32,
}

impl Shape {
    /// Dimension of the LWE ciphertexts extracted from it, `k N`.
    pub fn lwe_dimension(self) -> u32 {
        self.dimension.saturating_mul(self.polynomial_size)
    }
}

/// Least variance of fresh noise that makes LWE of this dimension 132 bits hard
/// (`minimal_lwe_variance_for_132_bits_security_gaussian`).
pub fn secure_variance(dimension: u32) -> f64 {
    libm::exp2(4.0 - 2.0 * f64::from(MODULUS_BITS))
        + libm::exp2(5.314_691_876_750_68 - 0.049_782_913_165_266_1 * f64::from(dimension))
}

/// Variance that a keyswitch adds
/// (`keyswitch_additive_variance_132_bits_security_gaussian`).
pub fn keyswitch_variance(
    input_dimension: u32,
    output_dimension: u32,
    digits: Decomposition,
) -> f64 {
    keyswitch_key_variance(input_dimension, output_dimension, digits)
        + keyswitch_rounding_variance(input_dimension, digits)
}

/// The part of [`keyswitch_variance`] that comes from the noise of the key: the variance of a
/// uniform signed digit times the secure variance, for every digit.
pub fn keyswitch_key_variance(
    input_dimension: u32,
    output_dimension: u32,
    digits: Decomposition,
) -> f64 {
    f64::from(digits.levels)
        * f64::from(input_dimension)
        * secure_variance(output_dimension)
        * digit_variance(digits)
}

/// The part of [`keyswitch_variance`] that comes from rounding the input to its digits.
pub fn keyswitch_rounding_variance(input_dimension: u32, digits: Decomposition) -> f64 {
    let q2 = torus_step_squared(MODULUS_BITS);
    f64::from(input_dimension) * (q2 / 48.0 + cut_variance(digits) / 24.0)
}

/// Variance of the result of a bootstrap with products by floating-point Fourier transforms
/// (`pbs_variance_132_bits_security_gaussian_fft_mul`). It is proportional to `input_dimension`.
pub fn bootstrap_variance(input_dimension: u32, shape: Shape, digits: Decomposition) -> f64 {
    let (k, n) = (f64::from(shape.dimension), f64::from(shape.polynomial_size));
    let secure = secure_variance(shape.lwe_dimension());
    let key = f64::from(digits.levels) * n * secure * digit_variance(digits) * (k + 1.0);
    f64::from(input_dimension) * key
        + bootstrap_rounding_variance(input_dimension, shape, digits)
        + bootstrap_transform_variance(input_dimension, shape, digits)
}

/// The part of [`bootstrap_variance`] that comes from rounding to digits: a product of rounding
/// errors with the large key, see [`gain`].
pub fn bootstrap_rounding_variance(
    input_dimension: u32,
    shape: Shape,
    digits: Decomposition,
) -> f64 {
    let q2 = torus_step_squared(MODULUS_BITS);
    let products = f64::from(shape.lwe_dimension()) / 2.0;
    let step = products * (q2 / 48.0 + cut_variance(digits) / 24.0) - q2 / 24.0
        + cut_variance(digits) / 24.0;
    f64::from(input_dimension) * step
}

/// The part of [`bootstrap_variance`] that comes from the transforms' floating-point numbers: a fit
/// to measurements, where the other parts are derived.
pub fn bootstrap_transform_variance(
    input_dimension: u32,
    shape: Shape,
    digits: Decomposition,
) -> f64 {
    let (k, n) = (f64::from(shape.dimension), f64::from(shape.polynomial_size));
    let lost_bits = (f64::from(MODULUS_BITS) - MANTISSA_BITS).max(0.0);
    let step = 0.00705
        * libm::exp2(2.0 * (lost_bits + f64::from(digits.base_log) - f64::from(MODULUS_BITS)))
        * libm::pow(f64::from(digits.levels), 1.01827)
        * libm::pow(k, 1.22003)
        * libm::pow(n, 2.22003)
        * libm::pow(k + 1.0, 1.01827);
    f64::from(input_dimension) * step
}

/// How much a sum multiplies the variance of values: the square of the 2-norm of its weights, and
/// more if it adds up what the bootstraps' `phases` have in common. Weight `q n + j` is that of
/// value q of bootstrap j of n.
///
/// The values of one bootstrap are coefficients of one polynomial, `d N / phases` apart. Rounding
/// to digits leaves a product of rounding errors with the large key, and the bits of a key have
/// the mean 1/2: two bits together have a quarter on average where one has a half. Of the N
/// products in a coefficient those that the negacyclic wrap gave a sign, a share of `d / phases`,
/// count against the others, so that the covariance of this part is
///
/// `(1 / 2) (1 - 2 d / phases)` of its variance.
///
/// The other parts of the noise are not correlated. Their share depends on parameters; the gain is
/// the greatest for any share.
///
/// Bootstraps of a group of `twins` have the same noise: their weights add up before they are
/// squared, at worst all of them with one sign.
pub fn gain(weights: &[f64], phases: usize, twins: &[Vec<usize>]) -> f64 {
    let bootstraps = weights.len() / phases;
    let mut alone = weights.to_vec();
    let mut together = 0.0;
    for group in twins {
        let values = group
            .iter()
            .flat_map(|j| (0..phases).map(move |q| q * bootstraps + j));
        let sum: f64 = values
            .map(|index| core::mem::take(&mut alone[index]).abs())
            .sum();
        together += sum * sum;
    }
    let square: f64 = alone.iter().map(|w| w * w).sum();
    let correlated = (1..phases).map(|d| {
        let pairs = alone.iter().zip(&alone[d * bootstraps..]);
        let products: f64 = pairs.map(|(a, b)| a * b).sum();
        products * (1.0 - 2.0 * d as f64 / phases as f64)
    });
    square + correlated.sum::<f64>().max(0.0) + together
}

/// Variance that a centered modulus switch to `2 N` adds
/// (`centered_binary_shifted_modulus_switch_additive_variance`, which tfhe calls heuristic).
pub fn modulus_switch_variance(dimension: u32, polynomial_size: u32) -> f64 {
    let new_bits = libm::log2(2.0 * f64::from(polynomial_size));
    f64::from(dimension)
        * (torus_step_squared(MODULUS_BITS) / 24.0 + libm::exp2(-2.0 * new_bits) / 48.0)
}

/// Logarithm to base 2 of the probability that Gaussian noise of this variance leaves
/// `[-half_step, half_step]`: `log2 erfc(half_step / sqrt(2 variance))`.
pub fn log2_failure(half_step: f64, variance: f64) -> f64 {
    log2_erfc(half_step / libm::sqrt(2.0 * variance))
}

/// How many standard deviations fit half a step if that may be left with probability
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

/// Variance of a signed digit, uniform in `[-B/2, B/2]`.
fn digit_variance(digits: Decomposition) -> f64 {
    libm::exp2(2.0 * f64::from(digits.base_log)) / 12.0 + 1.0 / 6.0
}

/// Square of the place value of the last digit.
fn cut_variance(digits: Decomposition) -> f64 {
    torus_step_squared(digits.base_log * digits.levels)
}

/// `2^-2 bits`.
fn torus_step_squared(bits: u32) -> f64 {
    libm::exp2(-2.0 * f64::from(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_bootstrap_have_rounding_errors_in_common() {
        // 10 and, of weights one apart, 1 x 2 + 2 x 2 + 2 x 1, less, of those three apart, 1 x 1,
        // each half of twice
        assert_eq!(
            gain(&[1.0, 2.0, 2.0, 1.0], 4, &[]),
            10.0 + 8.0 / 2.0 - 1.0 / 2.0
        );
        // two bootstraps between which nothing is in common
        assert_eq!(gain(&[3.0, 1.0, 0.0, 5.0], 2, &[]), 35.0);
        // parameters may make the common part as small as nothing
        assert_eq!(gain(&[1.0, -1.0, 1.0, -1.0], 4, &[]), 4.0);
        assert_eq!(gain(&[1.0, 2.0, 3.0], 1, &[]), 14.0);
    }

    #[test]
    fn weights_of_twins_add_up_before_they_are_squared() {
        let twins = [vec![0, 2]];
        assert_eq!(gain(&[3.0, 1.0, -4.0], 1, &twins), 1.0 + 49.0);
        assert_eq!(gain(&[1.0, 0.0, 1.0, 1.0, 2.0, 1.0], 2, &twins), 4.0 + 16.0);
    }

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
