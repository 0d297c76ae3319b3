use fhe_nn_core::prelude::*;

#[fhe_network]
struct Digits {
    #[bits(weights = 4)]
    scores: Dense<784, 10>,
}

fn main() {}
