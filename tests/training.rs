//! Training: a trained module computes what the quantized network computes.

mod cheaper;
mod equal;
mod mistakes;
mod search;
mod trainer;

use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{Device, Examples, Trainable};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[fhe_network(input(shape = [24], bits = 2))]
struct Small {
    #[bits(weights = 3, overflow = calibrated)]
    hidden: Dense<24, 12>,
    #[bits(output = 3, table = 5)]
    relu: Relu,
    #[bits(weights = 4)]
    scores: Dense<12, 3>,
}

/// An untrained network that can be trained in a second.
fn module() -> Trainable {
    Small::trainable(&Device::Cpu).expect("a network")
}

/// Inputs in [0, 1], each with a class that follows from it.
struct Data {
    inputs: Array2<f32>,
    labels: Vec<u32>,
}

impl Data {
    /// Random inputs. The values are divided into as many parts as there are classes, and those in the part of the
    /// class are greater than the others.
    fn new(count: usize, values: usize, classes: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = || random.next_u32() as f32 / u32::MAX as f32;
        let mut inputs = Array2::from_shape_simple_fn((count, values), &mut draw);
        let mut labels = Vec::new();
        for mut row in inputs.rows_mut() {
            let class = (draw() * classes as f32) as usize % classes;
            for (index, value) in row.iter_mut().enumerate() {
                let own = index * classes / values == class;
                *value = (*value * 0.7 + if own { 0.3 } else { 0.0 }).clamp(0.0, 1.0);
            }
            labels.push(class as u32);
        }
        Data { inputs, labels }
    }

    fn examples(&self) -> Examples<'_> {
        Examples::new(self.inputs.view(), &self.labels).expect("a label for each input")
    }
}
