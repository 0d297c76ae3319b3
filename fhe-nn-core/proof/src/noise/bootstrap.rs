//! The noise of a bootstrap.

use super::{
    Decomposition, MODULUS_BITS, ProductDigits, Shape, cut_variance, digit_variance,
    seeded_variance, torus_step_squared,
};

/// Bits of the significand of the numbers in which products of polynomials are computed.
const MANTISSA_BITS: f64 = 53.0;

/// Variance of the result of a bootstrap with products by floating-point Fourier transforms
/// (`pbs_variance_132_bits_security_gaussian_fft_mul`, but with this crate's transforms, with bodies of
/// the key that are cut, with mean compensation, and with digits of bodies that may differ from those of
/// masks). It is proportional to `input_dimension`.
pub fn bootstrap_variance(
    input_dimension: u32,
    shape: Shape,
    digits: impl Into<ProductDigits>,
) -> f64 {
    let digits = digits.into();
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
    digits: impl Into<ProductDigits>,
    noise: f64,
) -> f64 {
    let ProductDigits { masks, body } = digits.into();
    let (k, n) = (f64::from(shape.dimension), f64::from(shape.polynomial_size));
    let of = |digits: Decomposition| f64::from(digits.levels) * digit_variance(digits);
    f64::from(input_dimension) * n * noise * (k * of(masks) + of(body))
}

/// The part of [`bootstrap_variance`] that comes from rounding to digits.
///
/// With rounding errors `r_j` of the mask polynomials, the phase moves by `-sum_j r_j S_j`. A key's bits
/// are 1/2 on average, so half of `sum_j r_j (1 + X + ... + X^(N-1))`, which the server knows, is added to
/// the body before it is cut to digits (de Ruijter, D'Anvers and Verbauwhede, eprint 2025/809, "mean
/// compensation"). What is left, `-sum_j r_j (S_j - 1/2)`, has a square of 1/4 in place of a mean square
/// of 1/2 for every bit, whatever the weight of the key, and coefficients of one product have no
/// covariance on average over keys.
///
/// The engine adds the same to a block of [`rounding_block`] coefficients: the errors of the blocks below
/// less those of the blocks above. So the errors of a coefficient's own block keep their 1/2, a share of
/// one in `N / block` of all.
pub fn bootstrap_rounding_variance(
    input_dimension: u32,
    shape: Shape,
    digits: impl Into<ProductDigits>,
) -> f64 {
    let digits = digits.into();
    let block = f64::from(rounding_block(shape.polynomial_size));
    let elsewhere = f64::from(shape.dimension) * (f64::from(shape.polynomial_size) - block);
    // a quarter of an error's variance, in the half of the steps whose bit of the small key is 1
    let taken = elsewhere / 4.0 * cut_variance(digits.masks) / 24.0;
    tfhe_rounding_variance(input_dimension, shape, digits) - f64::from(input_dimension) * taken
}

/// Number of neighbouring coefficients whose bodies take the same share of the masks' rounding errors: a
/// 64th of a polynomial, and at least 8.
pub const fn rounding_block(polynomial_size: u32) -> u32 {
    if polynomial_size < 512 {
        8
    } else {
        polynomial_size / 64
    }
}

/// Variance that rounding to digits adds in tfhe's bootstrap, without mean compensation: products of
/// rounding errors with bits of the large key, whose mean square is 1/2.
pub fn tfhe_rounding_variance(
    input_dimension: u32,
    shape: Shape,
    digits: impl Into<ProductDigits>,
) -> f64 {
    let ProductDigits { masks, body } = digits.into();
    let q2 = torus_step_squared(MODULUS_BITS);
    let products = f64::from(shape.lwe_dimension()) / 2.0;
    let step =
        products * (q2 / 48.0 + cut_variance(masks) / 24.0) - q2 / 24.0 + cut_variance(body) / 24.0;
    f64::from(input_dimension) * step
}

/// The part of [`bootstrap_variance`] that comes from the transforms' floating-point numbers: what
/// tfhe's transforms lose, times the ratio that this crate's lose on the worst processor, plus a
/// tenth of that. A test of `fhe-nn-core` measures the ratio. The digits of masks have k of `k + 1` parts in
/// it, and those of the body one.
pub fn bootstrap_transform_variance(
    input_dimension: u32,
    shape: Shape,
    digits: impl Into<ProductDigits>,
) -> f64 {
    let ProductDigits { masks, body } = digits.into();
    let more = match shape.polynomial_size {
        ..=1024 => 2.0,
        1025..=4096 => 1.55,
        4097..=8192 => 1.3,
        8193.. => 1.1,
    };
    let of = |digits| tfhe_transform_variance(input_dimension, shape, digits);
    let k = f64::from(shape.dimension);
    more * (k * of(masks) + of(body)) / (k + 1.0)
}

/// The part of [`bootstrap_transform_variance`] that comes from the masks, and so is multiplied by key bits,
/// whose mean the values of one bootstrap have in common (see [`gain`](super::gain())): a step has `1 + k N / 2` errors that are alike on average, and all but that of the body count here.
pub fn mask_transform_variance(
    input_dimension: u32,
    shape: Shape,
    digits: impl Into<ProductDigits>,
) -> f64 {
    let masks = f64::from(shape.lwe_dimension()) / 2.0;
    bootstrap_transform_variance(input_dimension, shape, digits) * masks / (1.0 + masks)
}

/// Variance of the result of a bootstrap that takes two bits of the small key a step.
///
/// A step is `sum_k (X^a_k - 1) G_k x acc` for three GGSW ciphertexts, of which at most one encrypts 1. The
/// power of X is uniform, so a factor `X^a - 1` multiplies a variance by 2 on average: 0 and 4 for powers
/// 0 and N are equally rare. Against two steps that take one bit each:
///
/// - the noise of the key and the errors of the transforms count for each of the three ciphertexts, twice:
///   6 parts in place of 2; turning in the transformed domain adds a tenth to the latter ([`PAIR_TRANSFORMS`]);
/// - rounding counts, twice, if one of the three encrypts 1, in three of four steps: 3/2 in place of twice
///   1/2. It is that of the accumulator, with mean compensation as in [`bootstrap_rounding_variance`].
///
/// A last bit that is left over has less: 2 parts, and 1. It counts as half a step.
pub fn pair_variance(input_dimension: u32, shape: Shape, digits: impl Into<ProductDigits>) -> f64 {
    let digits = digits.into();
    let noise = seeded_variance(shape.lwe_dimension(), MODULUS_BITS);
    PAIR_PRODUCTS * bootstrap_key_variance(input_dimension, shape, digits, noise)
        + PAIR_ROUNDING * bootstrap_rounding_variance(input_dimension, shape, digits)
        + PAIR_TRANSFORMS * bootstrap_transform_variance(input_dimension, shape, digits)
}

/// The part of [`pair_variance`] that the values of one bootstrap have in common. A product of errors with
/// key bits of mean 1/2, turned by `X^a` and less itself, has the covariance that it has without, on average
/// over a: `(1 - 2 d / phases) / 2` of its variance.
pub fn pair_mask_transform_variance(
    input_dimension: u32,
    shape: Shape,
    digits: impl Into<ProductDigits>,
) -> f64 {
    PAIR_TRANSFORMS * mask_transform_variance(input_dimension, shape, digits)
}

/// The factor of what the key's noise adds if a step takes two key bits.
pub const PAIR_PRODUCTS: f64 = 3.0;
/// The factor of what the transforms lose if a step takes two key bits: that of the products, and a tenth of it for
/// turning them, because the powers of X and the products with them are rounded as well (5% to 13% by size and
/// processor).
pub const PAIR_TRANSFORMS: f64 = 1.1 * PAIR_PRODUCTS;
/// The factor of what rounding to digits adds if a step takes two key bits.
pub const PAIR_ROUNDING: f64 = 1.5;

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
