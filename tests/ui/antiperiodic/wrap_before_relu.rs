use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 64>,
    #[bits(output = 3)]
    act: Relu,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {}
