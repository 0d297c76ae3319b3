use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [1, 128, 128], bits = 8))]
struct Net {
    all: GlobalAvgPool,
}

fn main() {}
