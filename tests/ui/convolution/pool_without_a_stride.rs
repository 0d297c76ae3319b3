use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 4, 6], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 2, 1>,
    #[bits(output = 2)]
    act: Relu,
    max: MaxPool<(Axis<2>, Axis<3, 3>)>,
    #[bits(weights = 2)]
    scores: Dense<8, 2>,
}

fn main() {}
