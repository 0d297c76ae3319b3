//! The noise of a keyswitch: from ciphertexts modulo `2^64` to ciphertexts modulo `2^32`.

use super::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, cut_variance, digit_variance,
    seeded_variance, torus_step_squared,
};

/// Variance that a keyswitch adds (`keyswitch_additive_variance_132_bits_security_gaussian`, from
/// the modulus `2^64` to `2^32`, but with bodies of the key that are cut and with mean compensation).
pub fn keyswitch_variance(
    input_dimension: u32,
    output_dimension: u32,
    digits: Decomposition,
) -> f64 {
    let noise = seeded_variance(output_dimension, KEYSWITCH_MODULUS_BITS);
    keyswitch_key_variance(input_dimension, noise, digits)
        + keyswitch_rounding_variance(input_dimension, digits)
}

/// The part of [`keyswitch_variance`] that comes from the `noise` of the key's elements: the
/// variance of a uniform signed digit times that of the noise, for every digit of every element.
///
/// Digits lie in `[-B / 2, B / 2 - 1]` for a base `B`, so their mean is -1/2. A quarter of a unit of their
/// second moment is therefore one constant for all ciphertexts under a key, `-1/2` times the sum of its
/// noise: 4.5% of this part at base 8, 17% at base 4, 50% at base 2. Errors under one key are not quite
/// independent of each other; a sum of failure probabilities, averaged over keys, does not need that.
pub fn keyswitch_key_variance(input_dimension: u32, noise: f64, digits: Decomposition) -> f64 {
    f64::from(digits.levels) * f64::from(input_dimension) * noise * digit_variance(digits)
}

/// The part of [`keyswitch_variance`] that comes from rounding the input.
///
/// A mask element is rounded from 64 bits to its digits, with a uniform error of one unit of the last
/// digit, and multiplied by a key bit. Half of the errors' sum is added to the body, so what is left of
/// each is multiplied by the bit less 1/2, whose square is 1/4 (mean compensation, see
/// [`bootstrap_rounding_variance`](super::bootstrap_rounding_variance)).
pub fn keyswitch_rounding_variance(input_dimension: u32, digits: Decomposition) -> f64 {
    let taken = f64::from(input_dimension) * cut_variance(digits) / 48.0;
    tfhe_keyswitch_rounding_variance(input_dimension, digits) - taken
}

/// Variance that rounding the input adds in tfhe's keyswitch, without mean compensation: the mean square
/// of a key bit is 1/2. The body is rounded from 64 bits to 32, with a uniform error of one step,
/// `(2^-64 - 2^-128) / 12`.
pub fn tfhe_keyswitch_rounding_variance(input_dimension: u32, digits: Decomposition) -> f64 {
    let (from, to) = (
        torus_step_squared(MODULUS_BITS),
        torus_step_squared(KEYSWITCH_MODULUS_BITS),
    );
    f64::from(input_dimension) * (from / 48.0 + cut_variance(digits) / 24.0) + (to - from) / 12.0
}
