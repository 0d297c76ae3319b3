use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    left: Dense<4, 4>,
    #[bits(output = 2)]
    left_act: Relu,
    #[from(left_act, inptu)]
    sum: layer::Add,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
