use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [3, 8, 8], bits = 1))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 4, 3, 2, 1>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2)]
    scores: Dense<64, 2>,
}

fn main() {}
