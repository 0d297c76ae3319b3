use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1606938044258990275541962092341162602522202993782792835301376))]
struct Digits {
    #[bits(weights = 4)]
    scores: Dense<784, 10>,
}

fn main() {}
