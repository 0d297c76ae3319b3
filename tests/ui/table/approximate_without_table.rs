use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [64], bits = 2))]
struct Digits {
    #[bits(weights = 3)]
    hidden: Dense<64, 32>,
    #[bits(output = 4, rounding = approximate)]
    act: Relu,
    #[bits(weights = 4)]
    scores: Dense<32, 10>,
}

fn main() {}
