use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [784], bits = 1))]
#[derive(Debug, Clone)]
struct Digits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 64>,
    #[bits(output = 3)]
    wave: Wavy,
    #[bits(weights = 4)]
    scores: Dense<64, 10>,
}

fn main() {
    let load: fn(&mut fhe_nn_core::layer::Parts) -> Result<Digits, Error> = Digits::from_parts;
    println!("{}", Digits::SPEC);
    let run = |digits: &Digits| digits.run(&[0.0; 784]);
    let _ = (load, run);
}
