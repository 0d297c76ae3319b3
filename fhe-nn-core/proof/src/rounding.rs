//! Exact rounding: how the low bits of a wide accumulator are removed before a table reads the rest.
//!
//! Low bits are removed digit by digit, the lowest first. A ciphertext times `2^t` has the bits of
//! weight `2^-(t+1)` and below on top, and nothing else, because the bits above leave the circle.
//! Two bootstraps remove a digit of `d` bits, which then fills the circle. The first uses a table that
//! changes its sign half way round: it needs no padding bit and finds the uppermost bit of the digit.
//! Without that bit, the rest of the digit takes half of the circle, so that a padded table of
//! `d - 1` bits finds all of it
//! (Liu, Micciancio, Polyakov 2021, "Large-precision homomorphic sign evaluation using FHEW/TFHE
//! bootstrapping", section 3, whose first bootstrap does the same). A digit of one bit takes one
//! bootstrap.
//!
//! Wider digits take fewer bootstraps, but larger polynomials: BENCHMARKS.md has the measurements.

/// Greatest number of bits of a digit.
pub const DIGIT_BITS: u32 = 4;

/// Number of bootstraps that remove a digit of this number of bits.
pub const fn digit_bootstraps(bits: u32) -> u32 {
    if bits < 2 { bits } else { 2 }
}

/// Number of bits of a digit, if `removed` bits are removed from an accumulator and `above` of them
/// lie above the digit.
pub const fn digit_bits(removed: u32, above: u32) -> u32 {
    let rest = removed.saturating_sub(above);
    if rest < DIGIT_BITS { rest } else { DIGIT_BITS }
}

/// Number of bootstraps that remove this number of bits; only the lowest digit can have fewer than
/// [`DIGIT_BITS`].
pub const fn bootstraps(bits: u32) -> u32 {
    bits / DIGIT_BITS * digit_bootstraps(DIGIT_BITS) + digit_bootstraps(bits % DIGIT_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootstraps_of_whole_and_broken_digits() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 8, 11, 12].map(bootstraps),
            [0, 1, 2, 2, 2, 3, 4, 6, 6]
        );
    }
}
