//! The low bits that exact rounding removes, digit by digit ([`fhe_nn_proof::rounding`]). Encrypted and
//! simulated runs subtract them alike.
//!
//! An accumulator that counts modulo `2^M` has its bits at the weights `2^-M` to `2^-1` of the torus. A
//! round multiplies it by `2^above`. All bits above a digit leave the circle, and nothing is below the
//! digit, because earlier rounds removed it, so what is left is the digit, `x / 2^bits`. A table that
//! changes its sign half way round finds its upper bit, a padded table finds the rest, and both are
//! subtracted at the weight at which they stand.

use fhe_nn_proof::plan::{Round, Stage, torus_step};
use fhe_nn_proof::rounding::digit_bits;
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Lattice;

use crate::reading::Reading;
use fhe_nn_proof::graph::LookupOp;

/// A digit of an accumulator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Digit {
    /// Number of bits of the torus above the digit.
    pub(crate) above: u32,
    /// Number of its bits that are not known, which is 0 if the accumulator has no bits there.
    pub(crate) bits: u32,
}

/// The part of a digit that one bootstrap finds: its upper bit, or what is left without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum DigitBit {
    /// The upper bit.
    Upper,
    /// What is left when the upper bit has been removed.
    Lower,
}

impl Digit {
    /// Returns the digit that a round removes from the accumulator of neuron j.
    pub(crate) fn of(stage: &Stage, op: &LookupOp<'_>, j: usize, round: &Round) -> Self {
        let removed = op.dropped_bits(j) - known_bits(op, j);
        let read = stage.sums.reader.modulus_bits(stage.sums.table_bits);
        Digit {
            above: round.above,
            bits: digit_bits(removed, round.above - read),
        }
    }

    /// Returns how a table of `table_size` coefficients reads the digit.
    pub(crate) fn reading(self, table_size: u32) -> Reading {
        let integers = Lattice {
            step_bits: 0,
            offset: 0,
        };
        Reading::nearest(table_size, self.bits, integers)
    }
}

impl DigitBit {
    /// The parts of a digit, in the order in which they are removed.
    pub(crate) const ALL: [DigitBit; 2] = [DigitBit::Upper, DigitBit::Lower];

    /// Returns whether the digit has this part.
    pub(crate) fn exists(self, digit: Digit) -> bool {
        match self {
            DigitBit::Upper => digit.bits > 0,
            DigitBit::Lower => digit.bits > 1,
        }
    }

    /// Returns what is found of a digit of value x, less [`DigitBit::centre`], at the weight at which it
    /// stands, in units of `2^-64`. Half a turn away, a table is its own negative.
    pub(crate) fn entry(self, digit: Digit, x: i64) -> u64 {
        let half = 1i64 << (digit.bits - 1);
        let upper = x.div_euclid(half) & 1;
        match self {
            DigitBit::Upper if upper == 0 => self.centre(digit).wrapping_neg(),
            DigitBit::Upper => self.centre(digit),
            DigitBit::Lower => {
                let weight = 64 - digit.above - digit.bits;
                let below = (x.rem_euclid(half) as u64) << weight;
                if upper == 0 {
                    below
                } else {
                    below.wrapping_neg()
                }
            }
        }
    }

    /// Returns half of the upper bit, since the entries of a table that changes its sign are as far above
    /// this as below it.
    pub(crate) fn centre(self, digit: Digit) -> u64 {
        match self {
            DigitBit::Upper => 1 << (62 - digit.above),
            DigitBit::Lower => 0,
        }
    }
}

/// Returns what is subtracted from the accumulator of neuron j before anything else, in units of `2^-64`.
/// All possible accumulators lie on a lattice, so some of the bits that are dropped may be known.
///
/// With approximate rounding, a step of the table is read from one end to the other. The accumulator is
/// then left half of the lattice's distance above the lower end, because it would otherwise lie on that
/// end.
pub(crate) fn known(stage: &Stage, op: &LookupOp<'_>, j: usize) -> u64 {
    let known_bits = known_bits(op, j);
    let value = op.read.lattice(j).offset & ((1 << known_bits) - 1);
    let step = torus_step(stage.sums.modulus) << (stage.sums.step_width - op.read.width(j));
    let known = (value as u64).wrapping_mul(step);
    match stage.sums.rounding {
        Rounding::Exact => known,
        Rounding::Approximate => known.wrapping_sub((step << known_bits) / 2),
    }
}

fn known_bits(op: &LookupOp<'_>, j: usize) -> u32 {
    op.read.lattice(j).step_bits.min(op.dropped_bits(j))
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::rounding::DIGIT_BITS;

    use super::*;

    #[test]
    fn two_parts_make_the_digit() {
        for bits in 1..=DIGIT_BITS {
            let digit = Digit { above: 7, bits };
            for x in 0..1i64 << bits {
                let mut left = (x as u64) << (64 - 7 - bits);
                for part in DigitBit::ALL.into_iter().filter(|part| part.exists(digit)) {
                    let read = (left << 7) >> (64 - bits);
                    let found = part.entry(digit, read as i64);
                    left = left.wrapping_sub(found).wrapping_sub(part.centre(digit));
                    // half a turn away
                    let negative = part.entry(digit, read as i64 + (1 << (bits - 1)));
                    assert_eq!(negative, found.wrapping_neg());
                }
                assert_eq!(left, 0, "{x} of {bits} bits");
            }
        }
    }
}
