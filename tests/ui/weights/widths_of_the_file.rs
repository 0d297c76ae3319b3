use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [2], bits = 1), weights = "models/narrow.safetensors")]
struct Both {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 1)]
    both: Relu,
    #[bits(weights = 4, accumulator = 3)]
    scores: Dense<1, 2>,
}

fn main() {
    let _ = Both::embedded().run(&[1.0, 1.0]);
}
