use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 2], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv1d<1, 2, 1>,
    #[bits(output = 2)]
    act: Relu,
    max: MaxPool<Axis<2, 1, 1, 3, 2>>,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
