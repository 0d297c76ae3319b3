use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 6, 6], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    conv: Conv2d<1, 2, 3>,
    pool: MaxPool2d<2>,
    flat: Flatten,
    #[bits(output = 2)]
    sq: Square,
    #[bits(weights = 2)]
    scores: Dense<8, 2>,
}

fn main() {}
