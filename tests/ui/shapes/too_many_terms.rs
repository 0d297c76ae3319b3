use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 256, 256], bits = 1))]
struct Net {
    pool: AvgPool2d<128, 1>,
    #[bits(output = 4, table = 8)]
    relu: Relu,
    #[bits(weights = 2)]
    scores: Dense<16641, 2>,
}

fn main() {}
