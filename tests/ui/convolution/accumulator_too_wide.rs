use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4, 8, 8], bits = 4))]
struct Net {
    #[bits(weights = 4)]
    conv: Conv2d<4, 2, 3>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2)]
    scores: Dense<72, 2>,
}

fn main() {}
