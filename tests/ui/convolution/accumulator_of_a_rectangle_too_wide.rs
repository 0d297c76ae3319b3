use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
struct Net {
    #[bits(weights = 4)]
    conv: Conv<1, 2, (Axis<8>, Axis<5>)>,
    #[bits(output = 2)]
    act: Relu,
    #[bits(weights = 2)]
    scores: Dense<8, 2>,
}

fn main() {}
