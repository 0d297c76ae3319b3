//! How many bits an accumulator needs.
//!
//! An accumulator is `sum_i w_i q_i` with `fan_in` terms, inputs `q_i` in `[lo, hi]` and weights
//! of absolute value at most `2^(w-1) - 1`. Its absolute value is at most
//!
//! `bound = fan_in x max(|lo|, |hi|) x (2^(w-1) - 1)`,
//!
//! so it fits `ceil(log2(bound + 1)) + 1` bits, the last for its sign.

use serde::{Deserialize, Serialize};

/// Widest accumulator of the language.
pub const MAX_ACCUMULATOR_BITS: u32 = 32;
/// Widest accumulator that is decrypted.
pub const MAX_OUTPUT_BITS: u32 = 20;
/// Widest accumulator that is read by its top bits, encrypted.
pub const MAX_ROUNDED_BITS: u32 = 20;
/// Widest table with a padding bit.
pub const MAX_TABLE_BITS: u32 = 8;
/// Widest antiperiodic table; it costs as much as a padded one with one bit less.
pub const MAX_ANTIPERIODIC_TABLE_BITS: u32 = 9;

/// Widest sum that a layer with weights may reach by the widths of its inputs and weights alone, whatever
/// width its accumulators are held to: sums, with all that is added to them, then fit 64 bits.
pub const MAX_REACH_BITS: u32 = 62;
/// Greatest number of terms of all sums of a network together.
pub const MAX_TERMS: u64 = 1 << 27;

/// Greatest number of values of a tensor, and so the greatest extent: no width that follows overflows.
pub const MAX_VALUES: u64 = 1 << 24;

/// The integers from `lo` to `hi`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Least value.
    pub lo: i64,
    /// Greatest value.
    pub hi: i64,
}

/// The reader of an accumulator of `A` bits, which determines the modulus in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reader {
    /// A table with a padding bit: it counts modulo `2^(A+1)`.
    Padded,
    /// An antiperiodic table: it counts modulo `2^A`.
    Antiperiodic,
    /// The client, which decrypts it: it counts modulo `2^A`.
    Client,
}

impl Reader {
    /// An accumulator of `width` bits counts modulo 2 to this power.
    pub const fn modulus_bits(self, width: u32) -> u32 {
        match self {
            Reader::Padded => width + 1,
            Reader::Antiperiodic | Reader::Client => width,
        }
    }

    /// The widest accumulator that can be read.
    pub const fn max_width(self) -> u32 {
        match self {
            Reader::Padded => MAX_TABLE_BITS,
            Reader::Antiperiodic => MAX_ANTIPERIODIC_TABLE_BITS,
            Reader::Client => MAX_OUTPUT_BITS,
        }
    }
}

/// The values that an accumulator can have: `offset + 2^step_bits x` any integer.
///
/// A sum of odd values has the parity of the sum of its weights, and a sum whose weights have a
/// common power of two is a multiple of it. Noise may then be larger by the same factor before one
/// value is read as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lattice {
    /// Logarithm of the distance between neighbours.
    pub step_bits: u32,
    /// One of the values, in `[0, 2^step_bits)`.
    pub offset: i64,
}

impl Lattice {
    /// The lattice of `phase + sum_i w_i q_i` for any integers `q_i`, odd ones if `odd`. Steps have at
    /// most `coarsest` bits: a reader of `k` values from `width` bits takes them half a period
    /// `2^(width - 1)` over k apart, and all must lie on the lattice.
    pub fn of(
        weights: impl IntoIterator<Item = i64>,
        phase: i64,
        odd: bool,
        coarsest: u32,
    ) -> Self {
        let (mut sum, mut any) = (0i64, 0i64);
        for weight in weights {
            sum = sum.wrapping_add(weight);
            any |= weight;
        }
        // with q = 2 u + 1, the sum is that of the weights plus twice that of w u
        let step_bits = any
            .trailing_zeros()
            .saturating_add(u32::from(odd))
            .min(coarsest);
        let offset = phase.wrapping_add(if odd { sum } else { 0 });
        Lattice {
            step_bits,
            offset: offset.rem_euclid(1 << step_bits),
        }
    }
}

impl Range {
    /// `[0, 2^bits - 1]`.
    pub const fn unsigned(bits: u32) -> Self {
        Range {
            lo: 0,
            hi: (1 << bits) - 1,
        }
    }

    /// `[-2^(bits - 1), 2^(bits - 1) - 1]`.
    pub const fn signed(bits: u32) -> Self {
        Range {
            lo: -(1 << (bits - 1)),
            hi: (1 << (bits - 1)) - 1,
        }
    }

    /// Greatest absolute value.
    pub const fn max_abs(self) -> u64 {
        let (lo, hi) = (self.lo.unsigned_abs(), self.hi.unsigned_abs());
        if lo > hi { lo } else { hi }
    }

    /// The range of `a + b` for `a` in this range and `b` in the other.
    pub const fn plus(self, other: Range) -> Range {
        Range {
            lo: self.lo.saturating_add(other.lo),
            hi: self.hi.saturating_add(other.hi),
        }
    }

    /// The range of `a - b` for `a` in this range and `b` in the other.
    pub fn minus(self, other: Range) -> Range {
        self.plus(other.times(Range { lo: -1, hi: -1 }))
    }

    /// The range of its values plus a phase.
    pub const fn shifted_by(self, phase: i64) -> Range {
        self.plus(Range {
            lo: phase,
            hi: phase,
        })
    }

    /// The range of `a b` for `a` in this range and `b` in the other.
    pub fn times(self, other: Range) -> Range {
        let ends = [self.lo, self.hi];
        let products = ends.map(|a| [a.saturating_mul(other.lo), a.saturating_mul(other.hi)]);
        let products = products.as_flattened();
        Range {
            lo: products.iter().copied().min().unwrap_or(0),
            hi: products.iter().copied().max().unwrap_or(0),
        }
    }

    /// The smallest range that holds both.
    pub fn hull(self, other: Range) -> Range {
        Range {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }

    /// The part that lies within another range; if none does, the nearest end of the other range.
    pub fn within(self, other: Range) -> Range {
        Range {
            lo: self.lo.clamp(other.lo, other.hi),
            hi: self.hi.clamp(other.lo, other.hi),
        }
    }

    /// Whether `value` lies in the range.
    pub const fn contains(self, value: i64) -> bool {
        self.lo <= value && value <= self.hi
    }

    /// Width of the smallest signed integer that holds every value of the range, at least 1.
    pub const fn signed_bits(self) -> u32 {
        let below = if self.lo < 0 { !self.lo } else { self.lo };
        let above = if self.hi < 0 { !self.hi } else { self.hi };
        let magnitude = if below > above { below } else { above };
        64 - magnitude.leading_zeros() + 1
    }
}

/// Greatest absolute value of a weight of `bits` bits: `2^(bits - 1) - 1`.
pub const fn max_weight(bits: u32) -> i64 {
    (1 << (bits - 1)) - 1
}

/// Greatest absolute value of an accumulator; `None` if it does not fit 64 bits.
pub fn accumulator_bound(fan_in: usize, input: Range, weight_bits: u32) -> Option<u64> {
    let fan_in = u64::try_from(fan_in).ok()?;
    fan_in
        .checked_mul(input.max_abs())?
        .checked_mul(max_weight(weight_bits) as u64)
}

/// Width of an accumulator in the worst case of the widths; `None` beyond 63 bits.
pub fn accumulator_bits(fan_in: usize, input: Range, weight_bits: u32) -> Option<u32> {
    let bound = i64::try_from(accumulator_bound(fan_in, input, weight_bits)?).ok()?;
    Some(
        Range {
            lo: -bound,
            hi: bound,
        }
        .signed_bits(),
    )
}

/// Width of sums of a range, for a reader that takes `phases` values from each.
pub fn sum_width(range: Range, phases: u32) -> u32 {
    range.signed_bits().max(2).max(1 + phases.max(1).ilog2())
}

/// The greatest number of inputs that fits an accumulator of `bits` bits: the inverse of
/// [`accumulator_bits`].
pub fn max_fan_in(bits: u32, input: Range, weight_bits: u32) -> u64 {
    let bound = Range::signed(bits).hi as u64;
    let term = input
        .max_abs()
        .saturating_mul(max_weight(weight_bits) as u64);
    bound.checked_div(term).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_design_needs_11_bits() {
        assert_eq!(accumulator_bits(64, Range::unsigned(2), 3), Some(11));
        assert_eq!(max_fan_in(8, Range::unsigned(2), 3), 14);
    }

    proptest! {
        #[test]
        fn every_sum_lies_on_its_lattice(
            terms in prop::collection::vec((-8i64..8, -20i64..20), 1..9),
            phase in -9i64..9,
            odd: bool,
            power in 0u32..3,
        ) {
            let weights = terms.iter().map(|&(w, _)| w << power);
            let lattice = Lattice::of(weights.clone(), phase, odd, 20);
            let values = terms.iter().map(|&(_, q)| if odd { 2 * q + 1 } else { q });
            let sum: i64 = weights.zip(values).map(|(w, q)| w * q).sum();
            prop_assert_eq!((phase + sum - lattice.offset).rem_euclid(1 << lattice.step_bits), 0);
            prop_assert!(lattice.step_bits >= power + u32::from(odd));
        }

        #[test]
        fn width_is_the_ceiling_of_the_logarithm_plus_a_sign(bound in 1u64..1 << 52) {
            let range = Range { lo: -(bound as i64), hi: bound as i64 };
            let expected = libm::ceil(libm::log2((bound + 1) as f64)) as u32 + 1;
            prop_assert_eq!(range.signed_bits(), expected);
        }

        #[test]
        fn the_smallest_signed_width_holds_the_range(a in -1i64 << 40..1 << 40, b in -1i64 << 40..1 << 40) {
            let range = Range { lo: a.min(b), hi: a.max(b) };
            let bits = range.signed_bits();
            let holds = |bits| Range::signed(bits).lo <= range.lo && range.hi <= Range::signed(bits).hi;
            prop_assert!(holds(bits));
            prop_assert!(bits == 1 || !holds(bits - 1));
        }

        #[test]
        fn max_fan_in_is_the_inverse_of_accumulator_bits(bits in 2u32..32, input in 1u32..8, weight in 2u32..8) {
            let most = max_fan_in(bits, Range::unsigned(input), weight) as usize;
            let needs = |fan_in| accumulator_bits(fan_in, Range::unsigned(input), weight).expect("small");
            prop_assert!(most == 0 || needs(most) <= bits);
            prop_assert!(needs(most + 1) > bits);
        }
    }
}
