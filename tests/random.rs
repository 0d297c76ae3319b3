//! Random floats and samples, the same in every run.

use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::Op;
use ndarray::{Array1, Array2, ArrayD};

/// The generator splitmix64 (Steele, Lea and Flood, OOPSLA 2014), which is good enough for tests.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A real in `[-1, 1)`.
    pub(crate) fn real(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Floats for every layer that needs them.
    pub(crate) fn floats<N: Network>(&mut self) -> Floats {
        let mut floats = Floats::new();
        for layer in N::SPEC.layers.iter() {
            let mut insert = |name: &str, shape: Vec<usize>, scale: f32| {
                let tensor = ArrayD::from_shape_simple_fn(shape, || scale * self.real());
                let name = format!("{}.{name}", layer.name);
                floats
                    .insert(name, tensor)
                    .expect("reals of [-1, 1) are finite");
            };
            match &layer.op {
                Op::Dense(dense) => {
                    insert("weight", vec![dense.outputs, dense.inputs], 1.0);
                    insert("bias", vec![dense.outputs], 0.25);
                }
                Op::Conv(conv) => {
                    let window = &conv.window;
                    let mut shape = vec![window.outputs, window.channels / window.groups];
                    let axes = if conv.flat { 1..2 } else { 0..2 };
                    shape.extend(&window.kernel[axes]);
                    insert("weight", shape, 1.0);
                    insert("bias", vec![window.outputs], 0.25);
                }
                Op::Embedding(embedding) => {
                    insert(
                        "weight",
                        vec![embedding.vocabulary, embedding.dimension],
                        1.0,
                    );
                }
                Op::Activation(act) => {
                    let needed = act.function.parameters().iter();
                    let needed = needed.filter(|(_, default)| default.is_none());
                    needed.for_each(|(name, _)| insert(name, vec![1], 0.5));
                }
                Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => {}
            }
        }
        floats
    }

    /// Samples in which all values are nearly the same, so that other inputs leave the ranges that were
    /// seen. Tokens are arbitrary.
    pub(crate) fn samples<N: Network>(&mut self) -> Array2<f32> {
        let mut samples = Array2::zeros((64, N::SPEC.input_len()));
        for mut row in samples.rows_mut() {
            if N::SPEC.input.tokens.is_some() {
                row.assign(&Array1::from(self.tokens::<N>()));
                continue;
            }
            let common = self.real();
            row.mapv_inplace(|_| common + self.real() / 16.0);
        }
        samples
    }

    /// An input of tokens.
    pub(crate) fn tokens<N: Network>(&mut self) -> Vec<f32> {
        let vocabulary = N::SPEC.input.tokens.map_or(1, |tokens| tokens.vocabulary) as f32;
        let token = |real: f32| ((real + 1.0) / 2.0 * vocabulary).floor();
        (0..N::SPEC.input_len())
            .map(|_| token(self.real()))
            .collect()
    }

    /// A network quantized from random floats and samples.
    ///
    /// # Panics
    /// Panics if the network cannot be quantized, which does not happen to the networks that the tests
    /// declare.
    pub(crate) fn network<N: Network>(&mut self) -> N {
        let (floats, samples) = (self.floats::<N>(), self.samples::<N>());
        match N::quantize(&floats, samples.view()) {
            Ok(quantized) => quantized.network,
            Err(error) => panic!("{} is quantized: {error}", N::SPEC.name),
        }
    }

    /// An input with values in the samples' range, or `beyond` times as large.
    pub(crate) fn input<N: Network>(&mut self, beyond: f32) -> Vec<f32> {
        (0..N::SPEC.input_len())
            .map(|_| beyond * self.real())
            .collect()
    }
}
