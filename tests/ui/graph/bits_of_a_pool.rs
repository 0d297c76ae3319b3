use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 4, 4], bits = 4))]
struct Net {
    #[bits(output = 4)]
    pool: AvgPool2d<2>,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
