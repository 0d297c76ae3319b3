use fhe_nn_core::prelude::*;

macro_rules! network {
    ($inputs:literal, $weights:expr) => {
        #[fhe_network(input(shape = [784], bits = 1))]
        struct Digits {
            #[bits(weights = $weights)]
            scores: Dense<$inputs, 10>,
        }
    };
}
network!(784, 1);

fn main() {}
