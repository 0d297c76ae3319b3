//! The scores of a plan: how they come to the client, and how it reads them.

use serde::{Deserialize, Serialize};

use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, keyswitch_variance,
    modulus_switch_variance,
};
use crate::plan::sums::Sums;
use crate::spec::Rounding;
use crate::widths::Lattice;

/// The accumulators that are decrypted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputPlan {
    /// The accumulators. Approximate rounding means that noise alone drops their lower bits.
    pub sums: Sums,
    /// Digits of the keyswitch to a key for scores alone; `None` if they stay under the last large
    /// key, or under the inputs' key if there are no stages.
    pub keyswitch: Option<Decomposition>,
    /// Dimension of the key that decrypts them.
    pub dimension: u32,
    /// Number of bits of an element of the reply, after a centered modulus switch to 2 to this
    /// power.
    pub element_bits: u32,
    /// Predicted variance of the noise of the score that has the least room for it.
    pub variance: f64,
    /// Logarithm to base 2 of the probability that any score is decrypted wrong.
    pub log2_failure: f64,
}

impl OutputPlan {
    /// Variance that keyswitch and modulus switch add to a score of `from` dimensions.
    pub fn switch_variance(&self, from: u32) -> f64 {
        let (switched, bits) = match self.keyswitch {
            None => (0.0, MODULUS_BITS),
            Some(digits) => (
                keyswitch_variance(from, self.dimension, digits),
                KEYSWITCH_MODULUS_BITS,
            ),
        };
        switched + modulus_switch_variance(self.dimension, bits, self.element_bits)
    }

    /// The value of the lattice that is nearest to a phase, which is given in units of `2^-64`.
    ///
    /// The score has `width` bits; its weights were multiplied by `2^(step_width - width)`. Scores
    /// that are read exactly count modulo `2^width`. Scores that are read approximately stop at the
    /// ends of their range.
    pub fn decode(&self, phase: u64, width: u32, lattice: Lattice) -> i64 {
        let narrower = self.sums.step_width.saturating_sub(width);
        // in steps of the score, times 2^(64 + narrower + step_bits): exact for all moduli in use
        let (unit, value) = (
            64 + narrower + lattice.step_bits,
            i128::from(phase as i64) * i128::from(self.sums.modulus),
        );
        let value = value - (i128::from(lattice.offset) << (64 + narrower));
        let nearest = (value + (1 << (unit - 1))) >> unit;
        let value = lattice.offset + ((nearest as i64) << lattice.step_bits);
        let half = 1i64 << (width - 1);
        match self.sums.rounding {
            Rounding::Exact => (value + half).rem_euclid(2 * half) - half,
            Rounding::Approximate => value.clamp(-half, half - 1),
        }
    }
}
