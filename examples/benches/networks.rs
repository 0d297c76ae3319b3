//! Networks with random weights. Their results mean nothing; their times are measured.

use std::error::Error as StdError;

use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::Op;
use ndarray::{Array2, ArrayD, Axis};

/// Two hidden layers, of which the second one keyswitches.
#[fhe_network(input(shape = [784], bits = 1))]
pub struct TwoHidden {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    first: Dense<784, 64>,
    #[bits(output = 3)]
    first_wave: Wave,
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    second: Dense<64, 64>,
    #[bits(output = 3)]
    second_wave: Wave,
    #[bits(weights = 3)]
    scores: Dense<64, 10>,
}

macro_rules! wide {
    ($name:ident, $neurons:literal) => {
        /// One hidden layer of some width. With few inputs and one score, there is little work besides
        /// the bootstraps.
        #[fhe_network(input(shape = [64], bits = 1))]
        pub struct $name {
            #[bits(weights = 2, accumulator = 5, overflow = wrap)]
            hidden: Dense<64, $neurons>,
            #[bits(output = 2)]
            wave: Wave,
            #[bits(weights = 2, accumulator = 9, overflow = calibrated)]
            scores: Dense<$neurons, 1>,
        }
    };
}

wide!(Wide32, 32);
wide!(Wide128, 128);
wide!(Wide512, 512);
wide!(Wide1024, 1024);

/// A network with weights from a linear congruential generator.
///
/// # Errors
/// Those of the quantizer.
pub fn random<N: Network>() -> Result<N, Box<dyn StdError>> {
    let mut state = 7u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    };
    let mut floats = Floats::new();
    for layer in N::SPEC.layers.iter() {
        if let Op::Dense(dense) = &layer.op {
            let shape = vec![dense.outputs, dense.inputs];
            let mut weights = ArrayD::from_shape_simple_fn(shape, &mut draw);
            // sums have at most 64 terms at any width of the layer, so that all widths need the same
            // parameters
            weights
                .axis_iter_mut(Axis(1))
                .skip(64)
                .filter(|_| dense.outputs == 1)
                .for_each(|mut column| column.fill(0.0));
            floats.insert(format!("{}.weight", layer.name), weights)?;
        }
    }
    let inputs = N::SPEC.input.shape.iter().product();
    let samples = Array2::from_shape_simple_fn((200, inputs), || f32::from(draw() > 0.0));
    Ok(N::quantize(&floats, samples.view())?.network)
}
