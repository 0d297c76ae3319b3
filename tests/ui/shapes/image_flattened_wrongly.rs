use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 28, 28], bits = 1))]
struct Digits {
    #[bits(weights = 4)]
    scores: Dense<28, 10>,
}

fn main() {}
