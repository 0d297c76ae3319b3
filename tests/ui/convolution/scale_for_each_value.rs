use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [3, 4, 4], bits = 4, scales = per_value))]
pub struct Filtered {
    #[bits(weights = 4, accumulator = 12)]
    scores: Conv2d<3, 2, 3>,
}

fn main() {}
