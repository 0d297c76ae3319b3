use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [8], vocabulary = 16))]
struct Net {
    #[bits(weights = 4)]
    embedding: Embedding<16, 4>,
    #[bits(output = 4)]
    tanh: Tanh,
    average: GlobalAvgPool,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
