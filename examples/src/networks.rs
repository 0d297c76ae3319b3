//! The declarations that several examples use.

use fhe_nn_core::prelude::*;

/// Reads a 28 x 28 black-and-white image of a handwritten digit.
#[fhe_network(input(shape = [784], bits = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct Digits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 64>,
    #[bits(output = 3, phases = 4)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 13)]
    scores: Dense<256, 10>,
}
