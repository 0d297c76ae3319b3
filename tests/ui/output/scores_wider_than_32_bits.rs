use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 16))]
struct Digits {
    #[bits(weights = 16)]
    scores: Dense<784, 10>,
}

fn main() {}
