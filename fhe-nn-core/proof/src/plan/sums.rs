//! The sums of a layer, and what a unit of them is on the torus.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::plan::constraint::GUARD_STEPS;
use crate::spec::Rounding;
use crate::widths::{MAX_ROUNDED_BITS, Reader};

/// Greatest step width: it leaves room for a guard beside the widest accumulator.
pub(super) const MAX_STEP_WIDTH: u32 = MAX_ROUNDED_BITS + 4;

/// The sums (accumulators) of one layer: which values they add up, and how they are read.
///
/// A ciphertext is a multiple of a step of the torus. All ciphertexts that a layer adds up have the
/// same step, so [`step_width`](Sums::step_width) and [`modulus`](Sums::modulus) belong to the layer
/// and not to a single accumulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Name of the linear layer's field.
    pub linear: Cow<'static, str>,
    /// The tensors whose values are added up, in ascending order: 0 is the input, and `i + 1` holds
    /// the results of stage i.
    pub sources: Cow<'static, [u32]>,
    /// Number of values that an accumulator adds up, on average.
    pub terms: u32,
    /// What reads the accumulators: tables of one of two kinds, or the client.
    pub reader: Reader,
    /// Bit-width of the widest accumulator.
    pub width: u32,
    /// Bit-width of the accumulator whose step all ciphertexts have: the widest, or a wider one if
    /// other layers read the same values.
    pub step_width: u32,
    /// Number of bits that are read at most: the top bits of a wider accumulator.
    pub table_bits: u32,
    /// How the bits below the ones that are read are dropped.
    pub rounding: Rounding,
    /// Number of steps that the torus holds.
    pub modulus: u64,
    /// Number of accumulators; for scores, their number.
    pub neurons: u32,
}

impl Sums {
    /// Number of bits that are dropped from an accumulator of this bit-width.
    pub fn dropped_bits(&self, width: u32) -> u32 {
        width.saturating_sub(self.table_bits)
    }

    /// Logarithm to base 2 of the number of values on the circle that the reader tells apart.
    pub(crate) fn read_bits(&self) -> u32 {
        self.reader.modulus_bits(self.width.min(self.table_bits))
    }

    /// Number of steps that the torus holds if the step is that of an accumulator of `step_width`
    /// bits.
    ///
    /// If approximate rounding reads a range with a padded table, noise across an end of the range
    /// would change a value's sign; noise of a score would move it across an end of the circle. So
    /// the range does not fill its half of the torus, or all of it: there is room for
    /// [`GUARD_STEPS`] steps of the table beyond either end, which read as the last one.
    pub(super) fn modulus_of(&self, step_width: u32) -> u64 {
        let whole = 1 << self.reader.modulus_bits(step_width);
        let guard = GUARD_STEPS << self.dropped_bits(step_width);
        match (self.rounding, self.reader) {
            (Rounding::Exact, _) | (Rounding::Approximate, Reader::Antiperiodic) => whole,
            (Rounding::Approximate, Reader::Padded) => whole + 4 * guard,
            (Rounding::Approximate, Reader::Client) => whole + 2 * guard,
        }
    }
}

/// One step on a torus that holds `modulus` of them, in units of `2^-64`, rounded to the nearest.
pub fn torus_step(modulus: u64) -> u64 {
    let turn = 1u128 << 64;
    let modulus = u128::from(modulus.max(1));
    ((turn + modulus / 2) / modulus) as u64
}
