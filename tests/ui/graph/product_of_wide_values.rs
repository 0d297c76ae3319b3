use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 2))]
struct Net {
    #[bits(weights = 2)]
    fc: Dense<4, 4>,
    #[bits(output = 8)]
    relu: Relu,
    #[from(relu, relu)]
    product: layer::Mul,
}

fn main() {}
