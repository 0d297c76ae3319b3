use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [2], bits = 1), weights = "models/wide.safetensors", failure = 1024)]
struct Wide {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 8)]
    both: Relu,
    #[bits(weights = 12)]
    scores: Dense<1, 2>,
}

fn main() {
    let _ = Wide::embedded().run(&[1.0, 1.0]);
}
