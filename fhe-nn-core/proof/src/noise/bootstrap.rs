//! The noise of a bootstrap.

use super::{
    Decomposition, MODULUS_BITS, Shape, cut_variance, digit_variance, seeded_variance,
    torus_step_squared,
};

/// Bits of the significand of the numbers in which products of polynomials are computed.
const MANTISSA_BITS: f64 = 53.0;

/// Variance of the result of a bootstrap with products by floating-point Fourier transforms
/// (`pbs_variance_132_bits_security_gaussian_fft_mul`, but with this crate's transforms, and with
/// bodies of the key that are cut). It is proportional to `input_dimension`.
pub fn bootstrap_variance(input_dimension: u32, shape: Shape, digits: Decomposition) -> f64 {
    let noise = seeded_variance(shape.lwe_dimension(), MODULUS_BITS);
    bootstrap_key_variance(input_dimension, shape, digits, noise)
        + bootstrap_rounding_variance(input_dimension, shape, digits)
        + bootstrap_transform_variance(input_dimension, shape, digits)
}

/// The part of [`bootstrap_variance`] that comes from the `noise` of the key's bodies: the variance
/// of a uniform signed digit times that of the noise, for every digit of every polynomial.
pub fn bootstrap_key_variance(
    input_dimension: u32,
    shape: Shape,
    digits: Decomposition,
    noise: f64,
) -> f64 {
    let (k, n) = (f64::from(shape.dimension), f64::from(shape.polynomial_size));
    let step = f64::from(digits.levels) * n * noise * digit_variance(digits) * (k + 1.0);
    f64::from(input_dimension) * step
}

/// The part of [`bootstrap_variance`] that comes from rounding to digits: a product of rounding
/// errors with the large key, see [`gain`](super::gain()).
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

/// The part of [`bootstrap_variance`] that comes from the transforms' floating-point numbers: what
/// tfhe's transforms lose, times the ratio that this crate's lose on the worst processor, plus a
/// tenth of that. A test of `fhe-nn-core` measures the ratio.
pub fn bootstrap_transform_variance(
    input_dimension: u32,
    shape: Shape,
    digits: Decomposition,
) -> f64 {
    let more = match shape.polynomial_size {
        ..=1024 => 2.0,
        1025..=4096 => 1.55,
        4097..=8192 => 1.3,
        8193.. => 1.1,
    };
    more * tfhe_transform_variance(input_dimension, shape, digits)
}

/// The part of [`bootstrap_transform_variance`] that comes from the masks, and so is multiplied by key bits:
/// a step has `1 + k N / 2` errors that are alike on average, and all but that of the body count here.
pub fn mask_transform_variance(input_dimension: u32, shape: Shape, digits: Decomposition) -> f64 {
    let masks = f64::from(shape.lwe_dimension()) / 2.0;
    bootstrap_transform_variance(input_dimension, shape, digits) * masks / (1.0 + masks)
}

/// Variance of what tfhe's transforms lose. It is a fit to measurements, unlike the other parts of a
/// bootstrap's noise, which are derived.
pub fn tfhe_transform_variance(input_dimension: u32, shape: Shape, digits: Decomposition) -> f64 {
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
