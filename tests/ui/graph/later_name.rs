use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    left: Dense<4, 4>,
    #[bits(output = 2)]
    left_act: Relu,
    #[from(left_act, right_act)]
    sum: layer::Add,
    #[from(sum)]
    #[bits(weights = 2)]
    right: Dense<4, 4>,
    #[bits(output = 2)]
    right_act: Relu,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
