use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weight = 4)]
    scores: Dense<784, 10>,
}

fn main() {}
