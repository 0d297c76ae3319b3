//! The price of a table before there is a model: what the compiler's help compares edits by.

use crate::rounding::bootstraps;
use crate::spec::Rounding;
use crate::widths::Reader;

/// Milliseconds for each accumulator whose width is that of the table, in a layer of 64 accumulators behind
/// which 10 scores are decrypted, for padded tables of 1 to 8 bits: predicted by plans for two threads.
const TABLE_MS: [f64; 8] = [1.7, 1.9, 2.1, 2.7, 4.7, 9.6, 20.2, 42.6];
/// Milliseconds of a bootstrap that removes low bits, in the same layer.
const REMOVAL_MS: f64 = 1.9;
/// The bits of a padded table that a declaration is advised to read: a wider one takes twice the time for each
/// further bit, and seldom makes a network more accurate.
const ADVISED: u32 = 5;

/// The number of bits that a table is advised to read, of accumulators that are wider than tables can be.
pub fn advised_table_bits(reader: Reader) -> u32 {
    ADVISED + padding(reader)
}

/// Returns how many times as long a table of all bits that this reader can read takes as one of
/// [`advised_table_bits`], for accumulators of this width.
pub fn widest_table_factor(reader: Reader, width: u32, rounding: Rounding) -> f64 {
    let price = |bits: u32| {
        let removed = match rounding {
            Rounding::Exact => bootstraps(width.saturating_sub(bits)),
            Rounding::Approximate => 0,
        };
        let padded = bits.saturating_sub(padding(reader)).clamp(1, 8);
        // noise within a step does no harm then, so a table costs as much as an exact one of two bits less
        let own = match rounding {
            Rounding::Exact => TABLE_MS[padded as usize - 1],
            Rounding::Approximate => TABLE_MS[padded.saturating_sub(2).max(1) as usize - 1],
        };
        own + REMOVAL_MS * f64::from(removed)
    };
    price(reader.max_width()) / price(advised_table_bits(reader))
}

/// The bits by which a table of this reader is wider than a padded one of the same price.
fn padding(reader: Reader) -> u32 {
    match reader {
        Reader::Padded => 0,
        Reader::Antiperiodic | Reader::Client => 1,
    }
}
