use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 6))]
struct Digits {
    #[bits(weights = 4)]
    hidden: Dense<784, 92>,
    #[bits(output = 6)]
    act: Sigmoid,
    #[bits(weights = 6)]
    scores: Dense<92, 10>,
}

fn main() {}
