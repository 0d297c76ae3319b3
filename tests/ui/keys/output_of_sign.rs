use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [100], bits = 1))]
struct Digits {
    #[bits(weights = 2)]
    hidden: Dense<100, 64>,
    #[bits(output = 1)]
    sign: Sign,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {}
