use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 8))]
struct Digits {
    #[bits(weights = 4)]
    first: Dense<748, 64>,
    #[bits(output = 4)]
    relu: Relu,
    #[bits(weights = 4, accumulator = 5, overflow = wrap)]
    second: Dense<64, 32>,
    #[bits(output = 4)]
    tanh: Tanh,
    #[bits(weights = 16)]
    scores: Dense<32, 10>,
}

fn main() {}
