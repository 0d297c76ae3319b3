use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 8, accumulator = 12, overflow = wrap)]
    hidden: Dense<784, 32>,
    #[bits(output = 3)]
    wave: Wave,
    #[bits(weights = 4)]
    scores: Dense<32, 10>,
}

fn main() {}
