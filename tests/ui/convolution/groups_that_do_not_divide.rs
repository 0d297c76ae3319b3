use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [6, 8, 8], bits = 1))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<6, 6, 3, 1, 0, 1, 4>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2)]
    scores: Dense<216, 2>,
}

fn main() {}
