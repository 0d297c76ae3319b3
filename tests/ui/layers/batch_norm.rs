use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 2)]
    scores: Dense<784, 10>,
    norm: BatchNorm1d<10>,
}

fn main() {}
