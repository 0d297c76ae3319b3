use fhe_nn_core::prelude::*;

const BITS: u32 = 1;

#[fhe_network(input(shape = [784], bits = BITS))]
struct Digits {
    #[bits(weights = 4)]
    scores: Dense<784, 10>,
}

fn main() {}
