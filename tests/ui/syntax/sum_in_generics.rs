use fhe_nn_core::prelude::*;

macro_rules! network {
    ($rows:literal) => {
        #[fhe_network(input(shape = [784], bits = 1))]
        struct Digits {
            #[bits(weights = 4)]
            scores: Dense<{ $rows * $rows }, 10>,
        }
    };
}
network!(28);

fn main() {}
