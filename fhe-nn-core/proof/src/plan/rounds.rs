//! What the removal of low bits requires of the noise.

use crate::noise::log2_failure;
use crate::plan::accumulators::{Accumulators, WidthDemand};
use crate::rounding::{DIGIT_BITS, digit_bits, digit_bootstraps};
use crate::spec::Rounding;

/// One round: it removes the digit at one place of the torus from every accumulator that has bits
/// there.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundDemand {
    /// Number of bits of the torus above the digit: a ciphertext times `2^above` has the digit on top.
    pub above: u32,
    /// The accumulators that have bits there.
    pub digits: Vec<DigitDemand>,
}

/// The digits of accumulators of one bit-width and lattice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DigitDemand {
    /// Number of bits of the digit that are not known to be 0.
    pub bits: u32,
    /// Factor by which the variance of the layer's inputs is multiplied.
    pub gain: f64,
    /// Number of neurons.
    pub neurons: u32,
}

impl Accumulators {
    /// The rounds that exact rounding takes, the lowest digits first. Digits are counted from the
    /// bits that tables read, because these are at the same place in all accumulators of a layer:
    /// only the lowest digit of an accumulator can have fewer bits than the others.
    pub fn rounds(&self) -> Vec<RoundDemand> {
        let bits = |width: u32, step_bits: u32| self.removed_bits(width, step_bits);
        let most = self
            .widths
            .iter()
            .map(|demand| bits(demand.width, demand.step_bits));
        let most = most.max().unwrap_or(0);
        let first = self.sums.reader.modulus_bits(self.sums.table_bits);
        let round = |index: u32| {
            let above = index * DIGIT_BITS;
            let digit = |demand: &WidthDemand| DigitDemand {
                bits: digit_bits(bits(demand.width, demand.step_bits), above),
                gain: self.gain(demand),
                neurons: demand.neurons,
            };
            RoundDemand {
                above: first + above,
                digits: self
                    .widths
                    .iter()
                    .map(digit)
                    .filter(|digit| digit.bits > 0)
                    .collect(),
            }
        };
        (0..most.div_ceil(DIGIT_BITS)).rev().map(round).collect()
    }

    /// Number of bits that must be removed from an accumulator: those that are dropped, less those
    /// that are known because its values lie on a lattice.
    pub fn removed_bits(&self, width: u32, step_bits: u32) -> u32 {
        match self.sums.rounding {
            Rounding::Exact => self.sums.dropped_bits(width).saturating_sub(step_bits),
            Rounding::Approximate => 0,
        }
    }
}

impl RoundDemand {
    /// Number of accumulators that take part.
    pub fn neurons(&self) -> u32 {
        self.digits.iter().map(|digit| digit.neurons).sum()
    }

    /// Number of bootstraps for all of them.
    pub fn bootstraps(&self) -> u32 {
        let each = |digit: &DigitDemand| digit.neurons * digit_bootstraps(digit.bits);
        self.digits.iter().map(each).sum()
    }

    /// Number of bits of the widest digit.
    pub fn bits(&self) -> u32 {
        let bits = self.digits.iter().map(|digit| digit.bits);
        bits.max().unwrap_or(0)
    }

    /// Greatest number of bootstraps that run one after the other.
    pub fn passes(&self) -> u32 {
        digit_bootstraps(self.bits())
    }

    /// For every bootstrap in a row, the logarithm to base 2 of the probability that it reads any
    /// digit wrong. `input` is the variance of the layer's inputs, `before` that of what the earlier
    /// rounds subtracted, `result` that of a result of this round, and `added` what the way to the
    /// tables adds.
    pub fn log2_failures(
        &self,
        input: f64,
        before: f64,
        result: f64,
        added: f64,
    ) -> impl Iterator<Item = f64> + '_ {
        let scale = libm::exp2(2.0 * f64::from(self.above));
        self.digits.iter().flat_map(move |digit| {
            (0..digit_bootstraps(digit.bits)).map(move |pass| {
                let own = before + f64::from(pass) * result;
                let variance = scale * (digit.gain * input + own) + added;
                libm::log2(f64::from(digit.neurons)) + log2_failure(digit.half_step(), variance)
            })
        })
    }
}

impl DigitDemand {
    /// Half the distance between the values of a digit that fills the circle.
    pub(crate) fn half_step(&self) -> f64 {
        libm::exp2(-f64::from(self.bits) - 1.0)
    }
}
