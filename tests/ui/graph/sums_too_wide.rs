use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 10, 10], bits = 4))]
struct Net {
    pool: AvgPool2d<5>,
    #[bits(output = 2)]
    act: Tanh,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
