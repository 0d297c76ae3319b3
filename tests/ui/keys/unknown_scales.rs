use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 4, scales = per_values))]
pub struct Features {
    #[bits(weights = 4)]
    scores: Dense<4, 2>,
}

fn main() {}
