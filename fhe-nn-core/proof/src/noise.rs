//! The variance of the noise of every operation, and the probability that it breaks a table.
//!
//! The variances are those of `tfhe::core_crypto::commons::noise_formulas` (tfhe-rs 1.8, Gaussian
//! noise, 132 bits of security), less what mean compensation takes from rounding; a test in the workspace
//! holds them equal to tfhe's own functions.
//! Ciphertexts have the modulus `2^64`, except those that come out of a keyswitch, whose modulus is
//! `2^32`. All variances are relative to the torus: a standard deviation of `2^-20` is a millionth
//! of the circle. They are evaluated with `libm`, so that every machine finds the same numbers.
//!
//! Ciphertexts whose masks are drawn from a seed are sent as bodies alone, and each body is cut to as
//! few bytes as its noise allows. What is cut off is noise as well: it is part of
//! [`seeded_variance`] and thereby of every formula below.

mod bootstrap;
mod companion;
mod gain;
mod keyswitch;
mod modulus_switch;
mod tail;

use serde::{Deserialize, Serialize};

pub use bootstrap::{
    PAIR_PRODUCTS, PAIR_ROUNDING, PAIR_TRANSFORMS, bootstrap_key_variance,
    bootstrap_rounding_variance, bootstrap_transform_variance, bootstrap_variance,
    mask_transform_variance, pair_mask_transform_variance, pair_variance, rounding_block,
    tfhe_rounding_variance, tfhe_transform_variance,
};
pub use companion::{COMPANION_PARTS, companion_variance, odd_steps};
pub use gain::{Gain, Term, gain};
pub use keyswitch::{
    keyswitch_key_variance, keyswitch_rounding_variance, keyswitch_variance,
    tfhe_keyswitch_rounding_variance,
};
pub use modulus_switch::modulus_switch_variance;
pub use tail::{log2_failure, log2_sum, standard_deviations};

/// Security that the noise is chosen for, in bits: that of tfhe's `secure_noise` formulas.
pub const SECURITY_BITS: u32 = 132;

/// Bits of the ciphertext modulus.
pub const MODULUS_BITS: u32 = 64;

/// Bits of the modulus of keyswitching keys, and of the ciphertexts that they make.
pub const KEYSWITCH_MODULUS_BITS: u32 = 32;

/// Logarithm of the share that cutting a body may add to the variance of its noise: one part in
/// `2^ROUNDING_SHARE_BITS`.
const ROUNDING_SHARE_BITS: u32 = 4;

/// How numbers are cut into digits: `levels` digits of `base_log` bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decomposition {
    /// Number of bits of a digit.
    pub base_log: u32,
    /// Number of digits.
    pub levels: u32,
}

/// The digits of an external product: polynomials of masks may be cut into other digits than bodies.
///
/// What a mask loses by its cut is multiplied by a polynomial of key bits, what a body loses is not. So a body
/// can do with fewer digits, and every digit costs a transform and the products with a row of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductDigits {
    /// Digits of the mask polynomials.
    pub masks: Decomposition,
    /// Digits of the body.
    pub body: Decomposition,
}

impl From<Decomposition> for ProductDigits {
    /// Masks and bodies are cut alike.
    fn from(digits: Decomposition) -> Self {
        ProductDigits {
            masks: digits,
            body: digits,
        }
    }
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
    /// Dimension of the LWE ciphertexts that are extracted from it, `k N`.
    pub fn lwe_dimension(self) -> u32 {
        self.dimension.saturating_mul(self.polynomial_size)
    }
}

/// Least variance of fresh noise that makes LWE of this dimension 132 bits hard, modulo `2^64`.
pub fn secure_variance(dimension: u32) -> f64 {
    secure_variance_of(dimension, MODULUS_BITS)
}

/// Least variance of fresh noise that makes LWE of this dimension 132 bits hard, modulo
/// `2^modulus_bits` (`minimal_lwe_variance_for_132_bits_security_gaussian`).
pub fn secure_variance_of(dimension: u32, modulus_bits: u32) -> f64 {
    libm::exp2(4.0 - 2.0 * f64::from(modulus_bits))
        + libm::exp2(5.314_691_876_750_68 - 0.049_782_913_165_266_1 * f64::from(dimension))
}

/// Variance of the noise of a ciphertext that is sent as a body and a seed: a fresh input, an element
/// of a bootstrapping key (both modulo `2^64`), or an element of a keyswitching key (modulo `2^32`).
///
/// It is the secure variance plus what cutting the body to [`body_bytes`] adds. The two errors are
/// independent, because a body is uniform, whatever its noise.
pub fn seeded_variance(dimension: u32, modulus_bits: u32) -> f64 {
    let secure = secure_variance_of(dimension, modulus_bits);
    secure + body_rounding_variance(body_bytes(secure, modulus_bits), modulus_bits)
}

/// Number of bytes that are sent of a body with noise of this variance: the least number `b` for
/// which rounding to `8 b` bits adds at most a sixteenth, `2^-16b / 12 <= variance / 16`, and at most
/// all bytes of the body.
pub fn body_bytes(variance: f64, modulus_bits: u32) -> u32 {
    let least = 12.0 * variance * libm::exp2(-f64::from(ROUNDING_SHARE_BITS));
    let whole = modulus_bits / 8;
    (1..whole)
        .find(|&bytes| torus_step_squared(8 * bytes) <= least)
        .unwrap_or(whole)
}

/// Variance that rounding a body to this number of bytes adds: that of a uniform error of one step,
/// `2^-16b / 12`, or 0 if the body keeps all its bytes.
pub fn body_rounding_variance(bytes: u32, modulus_bits: u32) -> f64 {
    if 8 * bytes < modulus_bits {
        torus_step_squared(8 * bytes) / 12.0
    } else {
        0.0
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
    fn a_body_is_sent_in_as_few_bytes_as_its_noise_allows() {
        for dimension in (500..=2048).chain([4096, 32768]) {
            for modulus_bits in [KEYSWITCH_MODULUS_BITS, MODULUS_BITS] {
                let variance = secure_variance_of(dimension, modulus_bits);
                let bytes = body_bytes(variance, modulus_bits);
                let added = |bytes| body_rounding_variance(bytes, modulus_bits);
                assert!(
                    added(bytes) <= variance / 16.0,
                    "{dimension} {modulus_bits}"
                );
                assert!(bytes == 1 || added(bytes - 1) > variance / 16.0);
                assert!(8 * bytes <= modulus_bits);
            }
        }
    }

    #[test]
    fn bytes_of_bodies_in_use() {
        // noise of 2^-17.2 needs 24 bits at n = 800: 2^-24 / sqrt 12 is 2^-25.8
        let small = secure_variance_of(800, KEYSWITCH_MODULUS_BITS);
        assert_eq!(body_bytes(small, KEYSWITCH_MODULUS_BITS), 3);
        assert_eq!(body_bytes(secure_variance(1024), MODULUS_BITS), 3);
        assert_eq!(body_bytes(secure_variance(2048), MODULUS_BITS), 7);
        assert_eq!(body_bytes(secure_variance(4096), MODULUS_BITS), 8);
        assert_eq!(body_rounding_variance(8, MODULUS_BITS), 0.0);
        assert_eq!(body_rounding_variance(4, KEYSWITCH_MODULUS_BITS), 0.0);
    }
}
