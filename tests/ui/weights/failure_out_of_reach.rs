use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [2], bits = 1), weights = "models/noisy.safetensors", failure = 1024)]
struct Noisy {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 1)]
    both: Relu,
    #[bits(weights = 7, accumulator = 20, overflow = calibrated)]
    scores: Dense<1, 2>,
}

fn main() {
    let _ = Noisy::embedded().run(&[1.0, 1.0]);
}
