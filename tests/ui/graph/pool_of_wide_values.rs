use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 4, 4], bits = 8))]
struct Net {
    pool: MaxPool2d<2>,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
