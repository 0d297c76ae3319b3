use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 6, 6], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 2, 3>,
    #[bits(output = 2)]
    act: Relu,
    #[from(act, input)]
    sum: layer::Add,
    #[bits(weights = 2)]
    scores: Dense<32, 2>,
}

fn main() {}
