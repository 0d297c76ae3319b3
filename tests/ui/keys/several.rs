use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 1, overflow = never)]
    hidden: Dense<784, 64>,
    #[bits(output = 9, tabel = 8)]
    act: Relu,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {}
