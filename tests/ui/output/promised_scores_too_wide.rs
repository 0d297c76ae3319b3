use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 8))]
struct Digits {
    #[bits(weights = 8, accumulator = 24)]
    scores: Dense<784, 10>,
}

fn main() {}
