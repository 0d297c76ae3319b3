//! The laws of quantization.

use fhe_nn_core::graph::Op as GraphOp;
use fhe_nn_core::layer::{Linear, PartRef, Parts};
use fhe_nn_core::prelude::*;
use fhe_nn_core::quantize::Report;
use fhe_nn_core::spec::{
    ActivationSpec, DenseSpec, Function, Input, Layer as LayerSpec, Overflow, Rounding,
};
use fhe_nn_core::widths::Range;
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

/// A network by hand: its name, input, and fields with their layer specs.
macro_rules! network {
    ($name:ident, $input:expr, { $($field:ident: $type:ty = $layer:expr),* $(,)? }) => {
        #[derive(Debug, Clone, PartialEq)]
        struct $name { $($field: $type),* }
        impl Network for $name {
            const SPEC: &'static Spec = {
                const LAYERS: &[LayerSpec] = &[$($layer),*];
                &Spec::new(stringify!($name), $input, LAYERS)
            };
            fn from_parts(parts: &mut Parts) -> Result<Self, Error> {
                Ok($name { $($field: parts.take()?),* })
            }
            fn parts(&self) -> Vec<PartRef<'_>> {
                use fhe_nn_core::layer::Layer;
                vec![$(self.$field.part()),*]
            }
        }
    };
}

const fn dense(
    name: &'static str,
    shape: (usize, usize),
    weights: u32,
    accumulator: u32,
    overflow: Overflow,
) -> LayerSpec {
    LayerSpec::dense(
        name,
        DenseSpec {
            inputs: shape.0,
            outputs: shape.1,
            weights,
            accumulator,
            overflow,
        },
    )
}

const fn activation(
    name: &'static str,
    function: Function,
    output: u32,
    table: Option<u32>,
    phases: u32,
) -> LayerSpec {
    LayerSpec::activation(
        name,
        ActivationSpec {
            function,
            output,
            table,
            rounding: Rounding::Exact,
            phases,
        },
    )
}

network!(Smooth, Input::new(&[6], 8), {
    fc1: Dense<6, 5> = dense("fc1", (6, 5), 8, 20, Overflow::Calibrated),
    act1: Sigmoid = activation("act1", Function::Sigmoid, 8, Some(8), 1),
    fc2: Dense<5, 4> = dense("fc2", (5, 4), 8, 20, Overflow::Checked),
    act2: Tanh = activation("act2", Function::Tanh, 8, Some(8), 1),
    fc3: Dense<4, 3> = dense("fc3", (4, 3), 8, 20, Overflow::Checked),
});

#[test]
fn smoke() {
    let mut floats = Floats::new();
    let mut x = 1u32;
    let mut next = || {
        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
        (x >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    for (name, o, i) in [("fc1", 5, 6), ("fc2", 4, 5), ("fc3", 3, 4)] {
        floats
            .insert(
                format!("{name}.weight"),
                Array2::from_shape_simple_fn((o, i), &mut next).into_dyn(),
            )
            .unwrap();
        floats
            .insert(
                format!("{name}.bias"),
                Array1::from_shape_simple_fn(o, &mut next).into_dyn(),
            )
            .unwrap();
    }
    let samples = Array2::from_shape_simple_fn((200, 6), || next().abs());
    let q = Smooth::quantize(&floats, &samples).unwrap();
    println!("{}", q.report);
    let bytes = q.network.to_bytes();
    assert_eq!(Smooth::from_bytes(&bytes).unwrap(), q.network);
    println!(
        "{:?}",
        q.network.run(samples.row(0).as_slice().unwrap()).unwrap()
    );
}
