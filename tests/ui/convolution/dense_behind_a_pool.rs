use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 28, 28], bits = 1))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 4, 3, 2>,
    #[bits(output = 2)]
    act: Relu,
    pool: AvgPool2d<2>,
    #[bits(weights = 2)]
    scores: Dense<676, 2>,
}

fn main() {}
