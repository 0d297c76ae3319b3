use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [8], vocabulary = 16))]
struct Net {
    #[bits(weights = 2)]
    scores: Dense<8, 2>,
}

fn main() {}
