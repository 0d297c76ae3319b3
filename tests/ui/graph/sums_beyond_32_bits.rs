use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 512, 512], bits = 16))]
struct Net {
    pool: AvgPool2d<512>,
    #[bits(output = 4, table = 8)]
    relu: Relu,
    #[bits(weights = 4)]
    scores: Dense<1, 2>,
}

fn main() {}
