use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
enum Digits {
    Scores(#[bits(weights = 4)] Dense<784, 10>),
}

fn main() {}
