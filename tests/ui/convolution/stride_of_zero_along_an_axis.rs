use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 8, 8], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv<1, 2, (Axis<3>, Axis<3, 0>)>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2)]
    scores: Dense<96, 2>,
}

fn main() {}
