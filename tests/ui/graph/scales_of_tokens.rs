use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], vocabulary = 16, scales = per_value))]
pub struct Words {
    #[bits(weights = 4)]
    vectors: Embedding<16, 3>,
    flat: Flatten,
    #[bits(weights = 4)]
    scores: Dense<12, 2>,
}

fn main() {}
