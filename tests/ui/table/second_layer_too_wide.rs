use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [64], bits = 1))]
struct Digits {
    #[bits(weights = 2)]
    first: Dense<64, 32>,
    #[bits(output = 4)]
    tanh: Tanh,
    #[bits(weights = 4)]
    second: Dense<32, 16>,
    #[bits(output = 4)]
    act: Relu,
    #[bits(weights = 4)]
    scores: Dense<16, 10>,
}

fn main() {}
