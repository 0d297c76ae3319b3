use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [64], bits = 1))]
struct Digits {
    #[bits(weights = 2, accumulator = 8, overflow = wrap)]
    hidden: Dense<64, 64>,
    sign: Sign,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {}
