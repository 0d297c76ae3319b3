use fhe_nn_core::prelude::*;

const PIXELS: usize = 784;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 4)]
    scores: Dense<PIXELS, 10>,
}

fn main() {}
