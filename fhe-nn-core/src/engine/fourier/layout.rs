//! How the ciphertexts of a bootstrapping key lie in memory.

use fhe_nn_proof::noise::{Decomposition, ProductDigits};

/// The shape of a bootstrapping key's ciphertexts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layout {
    /// Number of polynomials of a ciphertext, k + 1.
    pub(crate) columns: usize,
    /// Number of coefficients of a polynomial, N.
    pub(crate) size: usize,
    pub(crate) digits: ProductDigits,
    /// Number of key bits of a step, 1 or 2.
    pub(crate) key_bits: usize,
}

impl Layout {
    /// Returns the number of rows of a GGSW ciphertext: one for each digit of each polynomial.
    pub(crate) fn rows(&self) -> usize {
        let ProductDigits { masks, body } = self.digits;
        (self.columns - 1) * masks.levels as usize + body.levels as usize
    }

    /// Returns the digits of a column: a mask's, or those of the body, which is the last.
    #[inline(always)]
    pub(super) fn digits_of(&self, column: usize) -> Decomposition {
        if column + 1 < self.columns {
            self.digits.masks
        } else {
            self.digits.body
        }
    }

    /// Returns the number of blocks of a transformed polynomial.
    pub(crate) fn blocks(&self) -> usize {
        self.size / 16
    }

    /// Returns the number of GGSW ciphertexts of a whole step.
    pub(crate) fn step_ciphertexts(&self) -> usize {
        match self.key_bits {
            1 => 1,
            _ => PAIR,
        }
    }

    /// Returns the number of blocks from one transformed row to the next. It is two more than a row has,
    /// because the same block of all rows would otherwise compete for the same lines of a cache.
    pub(super) fn stride(&self) -> usize {
        self.blocks() + 2
    }

    /// Returns the number of blocks of the transformed digits of a part of an accumulator.
    pub(super) fn part_blocks(&self) -> usize {
        self.rows() * self.stride()
    }

    /// Returns the number of blocks of a transformed GGSW ciphertext.
    pub(crate) fn step_blocks(&self) -> usize {
        self.blocks() * self.rows() * self.columns
    }

    /// Returns the number of groups of eight coefficients in a part of an accumulator.
    pub(crate) fn accumulator_words(&self) -> usize {
        self.columns * self.size / 8
    }
}

/// Number of GGSW ciphertexts of a step that takes two key bits.
pub(super) const PAIR: usize = 3;
