use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    fc: Dense<4, 4>,
    #[from(fc, input)]
    sum: layer::Add,
    #[bits(output = 2)]
    relu: Relu,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
