use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 8))]
struct Digits {
    #[bits(weights = 8, accumulator = 21)]
    hidden: Dense<784, 32>,
    sign: Sign,
    #[bits(weights = 4)]
    scores: Dense<32, 10>,
}

fn main() {}
