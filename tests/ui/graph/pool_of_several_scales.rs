use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [3, 4, 4], bits = 4, scales = per_channel))]
pub struct Pooled {
    pool: AvgPool2d<2>,
    flat: Flatten,
    #[bits(weights = 4)]
    scores: Dense<12, 2>,
}

fn main() {}
