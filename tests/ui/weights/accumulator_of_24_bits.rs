use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [2], bits = 8), weights = "models/tall.safetensors")]
struct Tall {
    #[bits(weights = 16)]
    sum: Dense<2, 2>,
    #[bits(output = 1, table = 8)]
    both: Relu,
    #[bits(weights = 4)]
    scores: Dense<2, 2>,
}

fn main() {
    let _ = Tall::embedded().run(&[1.0, 1.0]);
}
