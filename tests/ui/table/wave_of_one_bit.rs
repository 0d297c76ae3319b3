use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [64], bits = 2))]
struct Digits {
    #[bits(weights = 3, accumulator = 5, overflow = wrap)]
    hidden: Dense<64, 32>,
    #[bits(output = 4, table = 1)]
    wave: Wave,
    #[bits(weights = 4)]
    scores: Dense<32, 10>,
}

fn main() {}
