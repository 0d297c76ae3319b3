use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 3, 3], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 4, 7, 1, 1>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
