use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 4, 4], bits = 2))]
struct Net {
    pool: AvgPool2d<2>,
    #[bits(output = 3)]
    wave: Wave,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
