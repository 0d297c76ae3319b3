//! The parameters of a programmable bootstrap.

use serde::{Deserialize, Serialize};

use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, ProductDigits, Shape, bootstrap_variance,
    companion_variance, keyswitch_variance, mask_transform_variance, modulus_switch_variance,
    pair_mask_transform_variance, pair_variance,
};

/// A keyswitch to a small key, and the bootstrap (the blind rotation) that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Digits of the keyswitch from the large key to the small key; `None` if the inputs are
    /// encrypted under the small key.
    pub keyswitch: Option<Decomposition>,
    /// Dimension of the small key, n.
    pub small_dimension: u32,
    /// Shape of the bootstrapping key's GLWE ciphertexts, k and N.
    pub shape: Shape,
    /// Number of polynomials that a lookup table is spread over.
    pub extension: u32,
    /// Digits of the bootstrap.
    pub digits: Decomposition,
    /// Digits of the bodies of the bootstrap's ciphertexts, if they differ from those of the masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Decomposition>,
    /// Number of bits of the small key that a step of the rotation takes, 1 or 2. Two take less time, a
    /// bootstrapping key 1.5 times as large, and more noise.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub key_bits: u32,
    /// For a table over several polynomials, what the modulus switch may spend on steps that move half of them
    /// or fewer, in 16ths of the square of its unit (see [`companion_variance`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub companion: u32,
}

/// What plans of before have: a step took one bit of the small key.
const fn one() -> u32 {
    1
}

const fn is_one(key_bits: &u32) -> bool {
    *key_bits == 1
}

const fn is_zero(companion: &u32) -> bool {
    *companion == 0
}

impl Bootstrap {
    /// Number of coefficients of a lookup table in all its polynomials; phases are read modulo
    /// twice that number.
    pub fn table_size(&self) -> u32 {
        self.shape.polynomial_size.saturating_mul(self.extension)
    }

    /// Digits of masks and of bodies.
    pub fn product_digits(&self) -> ProductDigits {
        ProductDigits {
            masks: self.digits,
            body: self.body.unwrap_or(self.digits),
        }
    }

    /// Number of rows of a GGSW ciphertext of the key: one for each digit of each polynomial.
    pub fn rows(&self) -> u32 {
        let ProductDigits { masks, body } = self.product_digits();
        let of_masks = self.shape.dimension.saturating_mul(masks.levels);
        of_masks.saturating_add(body.levels)
    }

    /// Variance that keyswitch and modulus switch add to a ciphertext of `from` dimensions.
    pub fn switch_variance(&self, from: u32) -> f64 {
        let n = self.small_dimension;
        match self.keyswitch {
            None => self.modulus_switch_variance(MODULUS_BITS),
            Some(digits) => {
                keyswitch_variance(from, n, digits)
                    + self.modulus_switch_variance(KEYSWITCH_MODULUS_BITS)
            }
        }
    }

    /// Variance that the modulus switch from `2^from_bits` adds to a ciphertext.
    pub fn modulus_switch_variance(&self, from_bits: u32) -> f64 {
        let (n, bits) = (self.small_dimension, self.table_size().ilog2() + 1);
        modulus_switch_variance(n, from_bits, bits)
            + companion_variance(n, bits, self.key_bits, self.companion)
    }

    /// Variance of a result.
    pub fn result_variance(&self) -> f64 {
        let variance = match self.key_bits {
            1 => bootstrap_variance,
            _ => pair_variance,
        };
        variance(self.small_dimension, self.shape, self.product_digits())
    }

    /// The part of [`Bootstrap::result_variance`] that the values of one bootstrap have in common.
    pub(crate) fn common_variance(&self) -> f64 {
        let common = match self.key_bits {
            1 => mask_transform_variance,
            _ => pair_mask_transform_variance,
        };
        common(self.small_dimension, self.shape, self.product_digits())
    }

    /// Variance of a result to reckon with in sums that add `shared` of what the values of one bootstrap
    /// have in common, in units of the square of their weights (see [`Gain`](crate::noise::Gain)).
    pub fn shared_variance(&self, shared: f64) -> f64 {
        self.result_variance() + shared * self.common_variance()
    }

    /// Whether another bootstrap has the same bootstrapping key.
    pub fn shares_key(&self, other: &Bootstrap) -> bool {
        let key = |bootstrap: &Bootstrap| {
            (
                bootstrap.small_dimension,
                bootstrap.shape,
                bootstrap.product_digits(),
                bootstrap.key_bits,
            )
        };
        key(self) == key(other)
    }

    /// Number of GGSW ciphertexts of the bootstrapping key: one for each bit of the small key, or three
    /// for each pair of them, and one for a last bit that is left over.
    pub const fn key_ciphertexts(&self) -> u32 {
        let n = self.small_dimension;
        match self.key_bits {
            1 => n,
            _ => (n / 2).saturating_mul(3).saturating_add(n % 2),
        }
    }
}

/// Whether a table of this size gives each of the `2^bits` values on the circle at least two
/// coefficients.
pub(crate) fn holds(table_size: u32, bits: u32) -> bool {
    let step = (2 * u64::from(table_size)).checked_shr(bits);
    step.is_some_and(|step| step >= 2)
}
