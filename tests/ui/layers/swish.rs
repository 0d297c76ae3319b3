use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 2)]
    hidden: Dense<784, 64>,
    #[bits(output = 4, table = 8)]
    act: Swish,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {}
