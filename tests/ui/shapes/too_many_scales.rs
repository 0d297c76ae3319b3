use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [76800], bits = 4, scales = per_value))]
pub struct Image {
    #[bits(weights = 4, accumulator = 16)]
    scores: Dense<76800, 2>,
}

fn main() {}
