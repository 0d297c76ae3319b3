use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
struct Digits {
    #[bits(weights = 4)]
    scores: Vec<u8>,
}

fn main() {}
