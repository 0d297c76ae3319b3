//! The formulas of `fhe-nn-proof` equal tfhe's, over all parameters from which a plan is chosen.
//!
//! tfhe's keys travel with whole bodies, while ours may be cut. The formula is then tfhe's for the noise
//! that a key has before it is cut, and the noise added by cutting multiplies like the rest of a key's
//! noise. Rounding to digits adds less here than in tfhe, by mean compensation: the test counts what is left
//! by itself.

use fhe_nn_proof::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, Shape, body_bytes, body_rounding_variance,
    bootstrap_key_variance, bootstrap_rounding_variance, bootstrap_transform_variance,
    bootstrap_variance, keyswitch_key_variance, keyswitch_rounding_variance, keyswitch_variance,
    modulus_switch_variance, rounding_block, secure_variance, secure_variance_of, seeded_variance,
    tfhe_keyswitch_rounding_variance, tfhe_rounding_variance, tfhe_transform_variance,
};
use tfhe::core_crypto::commons::noise_formulas::centered_mean_shifted_modulus_switch::centered_binary_shifted_modulus_switch_additive_variance;
use tfhe::core_crypto::commons::noise_formulas::lwe_keyswitch::keyswitch_additive_variance_132_bits_security_gaussian;
use tfhe::core_crypto::commons::noise_formulas::lwe_programmable_bootstrap::pbs_variance_132_bits_security_gaussian_fft_mul;
use tfhe::core_crypto::commons::noise_formulas::modulus_switch::modulus_switch_additive_variance;
use tfhe::core_crypto::commons::noise_formulas::secure_noise::minimal_lwe_variance_for_132_bits_security_gaussian;
use tfhe::core_crypto::prelude::*;

/// The ciphertext modulus, `2^64`.
const MODULUS: f64 = 18_446_744_073_709_551_616.0;
/// The modulus of keyswitching keys and of their results, `2^32`.
const KEYSWITCH_MODULUS: f64 = 4_294_967_296.0;
/// Number of bits in the significand of the transforms' numbers.
const MANTISSA: f64 = 53.0;
/// Relative tolerance. tfhe prints its constants with 15 digits, and computes its powers of two from
/// logarithms.
const TOLERANCE: f64 = 1e-9;

/// Small keys of every dimension that a plan may choose, in steps.
fn small_dimensions() -> impl Iterator<Item = u32> {
    (500..=1600).step_by(50)
}

/// Every GLWE shape of the language's tables, from the smallest to the largest.
fn shapes() -> impl Iterator<Item = Shape> {
    (8..=15).flat_map(|log| {
        (1..=6).map(move |dimension| Shape {
            dimension,
            polynomial_size: 1 << log,
        })
    })
}

fn digits(most_levels: u32, most_bits: u32) -> impl Iterator<Item = Decomposition> {
    (1..=most_levels).flat_map(move |levels| {
        (1..=most_bits / levels).map(move |base_log| Decomposition { base_log, levels })
    })
}

#[test]
fn secure_noise_is_that_of_tfhe() {
    let dimensions = (500..=2048).chain(shapes().map(Shape::lwe_dimension));
    for dimension in dimensions {
        let lwe = lwe(dimension);
        let theirs = minimal_lwe_variance_for_132_bits_security_gaussian(lwe, MODULUS);
        same(secure_variance(dimension), theirs, &dimension);
        let theirs = minimal_lwe_variance_for_132_bits_security_gaussian(lwe, KEYSWITCH_MODULUS);
        let ours = secure_variance_of(dimension, KEYSWITCH_MODULUS_BITS);
        same(ours, theirs, &dimension);
    }
}

/// tfhe's function takes both moduli. Digits and the rounding of masks belong to the input's modulus,
/// `2^64`; the key's noise and the rounding of the body belong to the output's, `2^32`.
#[test]
fn keyswitch_noise_is_that_of_tfhe() {
    let inputs = (512u32..=32768).step_by(256);
    for input in inputs.filter(|d| d.is_power_of_two() || *d <= 2048) {
        for output in small_dimensions() {
            let secure = secure_variance_of(output, KEYSWITCH_MODULUS_BITS);
            let cut = cut(secure, KEYSWITCH_MODULUS_BITS);
            for digits in digits(8, 31) {
                let theirs = keyswitch_additive_variance_132_bits_security_gaussian(
                    lwe(input),
                    lwe(output),
                    base(digits),
                    levels(digits),
                    MODULUS,
                    KEYSWITCH_MODULUS,
                );
                let rounding = tfhe_keyswitch_rounding_variance(input, digits);
                let whole = keyswitch_key_variance(input, secure, digits) + rounding;
                same(whole, theirs, &(input, output, digits));
                let ours = keyswitch_variance(input, output, digits);
                let added = keyswitch_key_variance(input, cut, digits);
                // uniform errors times a quarter, which is what a bit less 1/2 leaves
                let left = f64::from(input) * uniform(digits) / 4.0 + body_of_keyswitch();
                same(
                    keyswitch_rounding_variance(input, digits),
                    Variance(left),
                    &(input, output, digits),
                );
                let ours_rounded = keyswitch_key_variance(input, secure, digits) + left + added;
                same(ours, Variance(ours_rounded), &(input, output, digits));
            }
        }
    }
}

#[test]
fn bootstrap_noise_is_that_of_tfhe() {
    for n in small_dimensions() {
        for shape in shapes() {
            let secure = secure_variance(shape.lwe_dimension());
            let cut = cut(secure, MODULUS_BITS);
            for digits in digits(5, 44) {
                let theirs = pbs_variance_132_bits_security_gaussian_fft_mul(
                    lwe(n),
                    GlweDimension(shape.dimension as usize),
                    PolynomialSize(shape.polynomial_size as usize),
                    base(digits),
                    levels(digits),
                    MANTISSA,
                    MODULUS,
                );
                let key = bootstrap_key_variance(n, shape, digits, secure);
                let whole = key
                    + tfhe_rounding_variance(n, shape, digits)
                    + tfhe_transform_variance(n, shape, digits);
                same(whole, theirs, &(n, shape, digits));
                let ours = bootstrap_variance(n, shape, digits);
                let added = bootstrap_key_variance(n, shape, digits, cut);
                // our transforms lose more than tfhe's, by a measured factor
                let transforms = bootstrap_transform_variance(n, shape, digits);
                // in every second step: the body, the masks' errors times a bit less 1/2, and those of a
                // coefficient's own block times a bit
                let (k, size) = (f64::from(shape.dimension), f64::from(shape.polynomial_size));
                let block = f64::from(rounding_block(shape.polynomial_size));
                let errors = 1.0 + k * ((size - block) / 4.0 + block / 2.0);
                let left = f64::from(n) / 2.0 * errors * uniform(digits);
                same(
                    bootstrap_rounding_variance(n, shape, digits),
                    Variance(left),
                    &(n, shape, digits),
                );
                same(
                    ours,
                    Variance(key + added + left + transforms),
                    &(n, shape, digits),
                );
            }
        }
    }
}

/// Moduli are switched to `2 N` for a table, from `2^32` after a keyswitch and from `2^64` without one,
/// and to the elements of a reply.
#[test]
fn modulus_switch_noise_is_that_of_tfhe() {
    for n in (500..=1600).chain([2048, 4096, 32768]) {
        for (from_bits, from) in [(32, KEYSWITCH_MODULUS), (64, MODULUS)] {
            for to_bits in 1..from_bits {
                let to = 2f64.powi(to_bits as i32);
                let theirs =
                    centered_binary_shifted_modulus_switch_additive_variance(lwe(n), from, to);
                let ours = modulus_switch_variance(n, from_bits, to_bits);
                same(ours, theirs, &(n, from_bits, to_bits));
            }
            assert_eq!(modulus_switch_variance(n, from_bits, from_bits), 0.0);
        }
    }
}

/// Rounding a body to bytes is tfhe's modulus switch of a ciphertext without a mask.
#[test]
fn cut_bodies_add_a_sixteenth_at_most() {
    for dimension in (500..=2048).chain(shapes().map(Shape::lwe_dimension)) {
        for (modulus_bits, modulus) in [(32, KEYSWITCH_MODULUS), (64, MODULUS)] {
            let secure = secure_variance_of(dimension, modulus_bits);
            let bytes = body_bytes(secure, modulus_bits);
            let cut = cut(secure, modulus_bits);
            same(
                seeded_variance(dimension, modulus_bits),
                Variance(secure + cut),
                &dimension,
            );
            assert!(cut <= secure / 16.0, "{dimension} {modulus_bits}");
            if 8 * bytes < modulus_bits {
                let to = 2f64.powi(8 * bytes as i32);
                let theirs = modulus_switch_additive_variance(lwe(0), modulus, to);
                // tfhe's function counts the steps of either modulus, which gives the discrete uniform
                // distribution
                let relative = cut / theirs.0 - 1.0;
                assert!(relative.abs() < (to / modulus).powi(2) * 1.01 + TOLERANCE);
            }
        }
    }
}

/// The variance of a uniform error of one unit of the last digit.
fn uniform(digits: Decomposition) -> f64 {
    2f64.powi(-2 * (digits.base_log * digits.levels) as i32) / 12.0
}

/// The variance of a body that is rounded from 64 to 32 bits.
fn body_of_keyswitch() -> f64 {
    2f64.powi(-64) / 12.0
}

/// The variance that is added when a body is cut whose noise has this variance.
fn cut(variance: f64, modulus_bits: u32) -> f64 {
    body_rounding_variance(body_bytes(variance, modulus_bits), modulus_bits)
}

fn same(ours: f64, theirs: Variance, parameters: &dyn std::fmt::Debug) {
    let relative = (ours / theirs.0 - 1.0).abs();
    assert!(
        relative < TOLERANCE,
        "{parameters:?}: {ours:e} is not {:e}",
        theirs.0
    );
}

fn lwe(dimension: u32) -> LweDimension {
    LweDimension(dimension as usize)
}

fn base(digits: Decomposition) -> DecompositionBaseLog {
    DecompositionBaseLog(digits.base_log as usize)
}

fn levels(digits: Decomposition) -> DecompositionLevelCount {
    DecompositionLevelCount(digits.levels as usize)
}
