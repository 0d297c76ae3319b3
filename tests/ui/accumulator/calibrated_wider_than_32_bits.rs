use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 16))]
struct Digits {
    #[bits(weights = 16, overflow = calibrated)]
    hidden: Dense<784, 64>,
    #[bits(output = 4)]
    act: Tanh,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {}
