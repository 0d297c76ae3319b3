use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    fc: Dense<4, 4>,
    #[bits(output = 2)]
    relu: Relu,
    #[from(input)]
    #[bits(output = 2)]
    id: Identity,
    #[from(relu, id)]
    sum: layer::Add,
    #[bits(weights = 2)]
    scores: Dense<4, 2>,
}

fn main() {}
