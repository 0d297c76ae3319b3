use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 4, 4], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 2, 3>,
    #[bits(output = 2)]
    relu: Relu,
    flat: Flatten,
    #[bits(output = 2)]
    tanh: Tanh,
    #[bits(weights = 2)]
    scores: Dense<8, 2>,
}

fn main() {}
