//! Quantization of small networks: laws, and networks that are refused.

mod cases;
mod functions;
mod laws;

use fhe_nn_core::layer::{Linear, Part};
use fhe_nn_core::plan::ClientSpec;
use fhe_nn_core::prelude::*;
use fhe_nn_core::quantize::{Clipping, Report};
use fhe_nn_core::spec::{Function, Op};
use ndarray::{Array, Array1, Array2, Dimension, ShapeBuilder};

/// Several padded functions, all proved.
#[fhe_network(input(shape = [6], bits = 8))]
#[derive(Debug)]
struct Smooth {
    #[bits(weights = 8)]
    fc1: Dense<6, 5>,
    #[bits(output = 8, table = 8)]
    act1: Sigmoid,
    #[bits(weights = 8)]
    fc2: Dense<5, 4>,
    #[bits(output = 8, table = 8)]
    act2: Tanh,
    #[bits(weights = 8)]
    fc3: Dense<4, 4>,
    #[bits(output = 8, table = 8)]
    act3: Identity,
    #[bits(weights = 8, accumulator = 20)]
    fc4: Dense<4, 3>,
}

#[fhe_network(input(shape = [6], bits = 3))]
#[derive(Debug)]
struct Seen {
    #[bits(weights = 4, accumulator = 10, overflow = calibrated)]
    fc1: Dense<6, 5>,
    #[bits(output = 4, table = 5)]
    act1: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    fc2: Dense<5, 3>,
}

#[fhe_network(input(shape = [6], bits = 2))]
#[derive(Debug)]
struct Promised {
    #[bits(weights = 3, accumulator = 6)]
    fc1: Dense<6, 4>,
    #[bits(output = 3)]
    act1: Relu,
    #[bits(weights = 4)]
    fc2: Dense<4, 2>,
}

#[fhe_network(input(shape = [6], bits = 1))]
#[derive(Debug)]
struct Waves {
    #[bits(weights = 3, accumulator = 4, overflow = wrap)]
    fc1: Dense<6, 4>,
    #[bits(output = 3, phases = 2)]
    wave: Wave,
    #[bits(weights = 4)]
    fc2: Dense<8, 2>,
}

#[fhe_network(input(shape = [6], bits = 3))]
#[derive(Debug)]
struct Signs {
    #[bits(weights = 4)]
    fc1: Dense<6, 4>,
    #[bits(table = 9)]
    sign: Sign,
    #[bits(weights = 4)]
    fc2: Dense<4, 2>,
}

#[fhe_network(input(shape = [3], bits = 3))]
#[derive(Debug)]
struct TwoSigns {
    #[bits(weights = 3)]
    fc1: Dense<3, 4>,
    #[bits(phases = 2)]
    sign: Sign,
    #[bits(weights = 4)]
    fc2: Dense<8, 2>,
}

fn uniform<D: Dimension, S: ShapeBuilder<Dim = D>>(
    shape: S,
    range: std::ops::RangeInclusive<f32>,
    seed: &mut u64,
) -> Array<f32, D> {
    Array::from_shape_simple_fn(shape, || {
        // xorshift64 (Marsaglia, 2003)
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        let unit = (*seed >> 40) as f32 / (1u32 << 24) as f32;
        range.start() + (range.end() - range.start()) * unit
    })
}

/// Makes floats for every linear layer of a network.
fn floats<N: Network>(seed: &mut u64) -> Floats {
    let mut floats = Floats::new();
    for layer in N::SPEC.layers.iter() {
        match &layer.op {
            Op::Dense(dense) => {
                let weights = uniform((dense.outputs, dense.inputs), -1.0..=1.0, seed);
                let bias = uniform(dense.outputs, -1.0..=1.0, seed);
                insert(&mut floats, &layer.name, weights, bias);
            }
            Op::Activation(act) => {
                let (names, values) = (act.function.parameters(), parameters(act.function));
                for ((name, _), value) in names.iter().zip(values) {
                    let tensor = Array1::from_elem(1, value as f32).into_dyn();
                    let name = format!("{}.{name}", layer.name);
                    floats.insert(name, tensor).expect("finite");
                }
            }
            _ => {}
        }
    }
    floats
}

/// The parameters of a function. They differ from its defaults, and are exact as `f32`.
fn parameters(function: Function) -> Vec<f64> {
    let of = |(name, default): &(&str, Option<f64>)| match (*name, default) {
        ("weight", _) => 0.25,
        ("value", _) => 0.5, // no jump, beside which a value may lie
        (_, None) => 0.5,
        (_, Some(default)) => f64::from((default * 1.25) as f32),
    };
    function.parameters().iter().map(of).collect()
}

/// The integers that inputs are encoded as.
fn encode(client: &ClientSpec, input: &[f32]) -> Array1<i64> {
    client.encode(input).expect("no tokens").into()
}

fn insert(floats: &mut Floats, layer: &str, weights: Array2<f32>, bias: Array1<f32>) {
    let names = [format!("{layer}.weight"), format!("{layer}.bias")];
    for (name, tensor) in names.into_iter().zip([weights.into_dyn(), bias.into_dyn()]) {
        floats.insert(name, tensor).expect("finite");
    }
}

fn linears<N: Network>(network: &N) -> Vec<Linear> {
    let parts = network.parts().into_iter();
    parts
        .filter_map(|part| match part {
            Part::Linear(linear) => Some((*linear).clone()),
            _ => None,
        })
        .collect()
}

fn quantize<N: Network>(floats: &Floats, samples: &Array2<f32>) -> (N, Report) {
    let quantized = N::quantize(floats, samples.view()).expect("a network that keeps its promises");
    (quantized.network, quantized.report)
}

const METHODS: [Calibration; 3] = [
    Calibration::new().with_clipping(Clipping::MinMax),
    Calibration::new().with_clipping(Clipping::Percentile(99.9)),
    Calibration::new().with_clipping(Clipping::Mse),
];
