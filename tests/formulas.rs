//! The formulas of `fhe-nn-proof` are tfhe's, over all parameters that a plan is chosen from.

use fhe_nn_proof::noise::{
    Decomposition, Shape, bootstrap_variance, keyswitch_variance, modulus_switch_variance,
    secure_variance,
};
use tfhe::core_crypto::commons::noise_formulas::centered_mean_shifted_modulus_switch::centered_binary_shifted_modulus_switch_additive_variance;
use tfhe::core_crypto::commons::noise_formulas::lwe_keyswitch::keyswitch_additive_variance_132_bits_security_gaussian;
use tfhe::core_crypto::commons::noise_formulas::lwe_programmable_bootstrap::pbs_variance_132_bits_security_gaussian_fft_mul;
use tfhe::core_crypto::commons::noise_formulas::secure_noise::minimal_lwe_variance_for_132_bits_security_gaussian;
use tfhe::core_crypto::prelude::*;

/// The ciphertext modulus.
const MODULUS: f64 = 18_446_744_073_709_551_616.0;
/// Bits of the significand of the transforms' numbers.
const MANTISSA: f64 = 53.0;
/// tfhe prints its constants with 15 digits, and takes its powers of two by way of logarithms.
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
    for dimension in (500..=1600).chain(shapes().map(Shape::lwe_dimension)) {
        let theirs = minimal_lwe_variance_for_132_bits_security_gaussian(lwe(dimension), MODULUS);
        same(secure_variance(dimension), theirs, &dimension);
    }
}

#[test]
fn keyswitch_noise_is_that_of_tfhe() {
    let inputs = (1024u32..=32768).step_by(256);
    for input in inputs.filter(|d| d.is_power_of_two() || *d <= 2048) {
        for output in small_dimensions() {
            for digits in digits(8, 24) {
                let theirs = keyswitch_additive_variance_132_bits_security_gaussian(
                    lwe(input),
                    lwe(output),
                    base(digits),
                    levels(digits),
                    MODULUS,
                    MODULUS,
                );
                let ours = keyswitch_variance(input, output, digits);
                same(ours, theirs, &(input, output, digits));
            }
        }
    }
}

#[test]
fn bootstrap_noise_is_that_of_tfhe() {
    for n in small_dimensions() {
        for shape in shapes() {
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
                let ours = bootstrap_variance(n, shape, digits);
                same(ours, theirs, &(n, shape, digits));
            }
        }
    }
}

#[test]
fn modulus_switch_noise_is_that_of_tfhe() {
    for n in 500..=1600 {
        for log in 8..=15 {
            let size = 1u32 << log;
            let theirs = centered_binary_shifted_modulus_switch_additive_variance(
                lwe(n),
                MODULUS,
                2.0 * f64::from(size),
            );
            same(modulus_switch_variance(n, size), theirs, &(n, size));
        }
    }
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
