use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 8, 8], bits = 2))]
struct Net {
    #[bits(weights = 2, accumulator = 8)]
    conv: Conv2d<1, 4, 3, 2>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2, accumulator = 8)]
    next: Conv2d<4, 4, 5>,
    #[bits(output = 2)]
    next_act: Relu,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
