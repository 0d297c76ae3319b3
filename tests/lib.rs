//! Random floats and samples for the tests of this package, the same in every run.

use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::Op;
use ndarray::{Array1, Array2};

/// Steele, Lea and Flood's splitmix64 (OOPSLA 2014): enough for tests.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A real of `[-1, 1)`.
    pub fn real(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Weights and biases for every linear layer of a network.
    pub fn floats<N: Network>(&mut self) -> Floats {
        let mut floats = Floats::new();
        for layer in N::SPEC.layers.iter() {
            let Op::Dense(dense) = &layer.op else {
                continue;
            };
            let shape = (dense.outputs, dense.inputs);
            let weights = Array2::from_shape_simple_fn(shape, || self.real());
            let bias = Array1::from_shape_simple_fn(dense.outputs, || self.real() / 4.0);
            for (kind, tensor) in [("weight", weights.into_dyn()), ("bias", bias.into_dyn())] {
                floats
                    .insert(format!("{}.{kind}", layer.name), tensor)
                    .expect("reals of [-1, 1) are finite");
            }
        }
        floats
    }

    /// Samples all of whose values are nearly the same: inputs with other ones leave the ranges
    /// that are seen on them.
    pub fn samples<N: Network>(&mut self) -> Array2<f32> {
        let mut samples = Array2::zeros((64, N::SPEC.input_len()));
        for mut row in samples.rows_mut() {
            let common = self.real();
            row.mapv_inplace(|_| common + self.real() / 16.0);
        }
        samples
    }

    /// A network quantized from random floats and samples.
    ///
    /// # Panics
    /// If it cannot be: the tests declare networks that can.
    pub fn network<N: Network>(&mut self) -> N {
        let (floats, samples) = (self.floats::<N>(), self.samples::<N>());
        match N::quantize(&floats, &samples) {
            Ok(quantized) => quantized.network,
            Err(error) => panic!("{} is quantized: {error}", N::SPEC.name),
        }
    }

    /// One input: values of the samples' range, or ones `beyond` times as large.
    pub fn input<N: Network>(&mut self, beyond: f32) -> Vec<f32> {
        (0..N::SPEC.input_len())
            .map(|_| beyond * self.real())
            .collect()
    }
}
