use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [500], bits = 1))]
struct Digits {
    #[bits(weights = 2)]
    hidden: Dense<500, 32>,
    sign: Sign,
    #[bits(weights = 4)]
    scores: Dense<32, 10>,
}

fn main() {}
