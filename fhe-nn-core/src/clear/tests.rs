//! Layers that need tables between sums.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{
    DenseSpec, Input, Layer, Op as SpecOp, Overflow, Padding, Pool, PoolSpec, Spec, Window,
};
use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::backend::interpret;
use crate::layer::{Linear, Part};
use fhe_nn_proof::graph::Graph;

proptest! {
    /// The windows overlap, with and without padding.
    #[test]
    fn a_pool_has_the_greatest_of_every_window(
        values in prop::collection::vec(0i64..8, 30),
        padding in 0usize..2,
        stride in 1usize..3,
    ) {
        let window = Window {
            channels: 1,
            outputs: 1,
            input: [5, 6],
            kernel: [2, 3],
            stride: [stride, 1],
            padding: [Padding::both(padding); 2],
            dilation: [1, 1],
            groups: 1,
        };
        let pool = SpecOp::Pool(PoolSpec { window, flat: false, kind: Pool::Max });
        let results = run(&[1, 5, 6], vec![Layer::new("pool", pool)], &values);
        let at = |y: i64, x: i64| {
            let inside = (0..5).contains(&y) && (0..6).contains(&x);
            inside.then(|| values[(6 * y + x) as usize])
        };
        let [down, across] = window.output();
        for (index, result) in results.into_iter().enumerate() {
            let (y, x) = ((index / across * stride) as i64, (index % across) as i64);
            let taps = (0..2).flat_map(|dy| (0..3).map(move |dx| (dy, dx)));
            let padding = padding as i64;
            let seen = taps.filter_map(|(dy, dx)| at(y + dy - padding, x + dx - padding));
            prop_assert_eq!(Some(result), seen.max(), "{} of {} x {}", index, down, across);
        }
    }

    /// The factors are values and their doubles, whose sums and differences are even and odd.
    #[test]
    fn a_product_is_exact(values in prop::collection::vec(0i64..8, 6)) {
        let window = Window {
            groups: 1,
            ..Window::each(1, 1, 6)
        };
        let twice = SpecOp::Pool(PoolSpec { window, flat: true, kind: Pool::Average });
        let layers = vec![
            Layer::new("same", twice),
            Layer::reading("twice", &[1, 1], SpecOp::Add),
            Layer::reading("product", &[0, 2], SpecOp::Mul),
        ];
        let results = run(&[1, 6], layers, &values);
        let products: Vec<i64> = values.iter().map(|q| 2 * q * q).collect();
        prop_assert_eq!(results, products);
    }
}

/// Returns the results of layers without weights, through a dense layer that only passes them on.
fn run(shape: &'static [usize], layers: Vec<Layer>, values: &[i64]) -> Vec<i64> {
    let unit = Affine {
        scale: 1.0,
        zero_point: 0,
    };
    let meanings = [unit.into(), unit.into()];
    let mut spec = Spec {
        layers: layers.into(),
        ..Spec::new("Net", Input::new(shape, 3), &[])
    };
    let mut tensors = vec![spec.input_len()];
    for layer in spec.layers.iter() {
        tensors.push(match &layer.op {
            SpecOp::Pool(pool) => pool.window.output_len(),
            _ => tensors[tensors.len() - 1],
        });
    }
    let len = tensors[tensors.len() - 1];
    spec.layers.to_mut().push(Layer::new(
        "scores",
        SpecOp::Dense(DenseSpec {
            inputs: len,
            outputs: len,
            weights: 2,
            accumulator: 16,
            overflow: Overflow::Checked,
        }),
    ));
    let linear = Linear {
        weights: Array2::eye(len),
        constants: vec![0; len],
        widths: vec![16; len],
        scales: vec![1.0; len],
        bias: vec![0.0; len],
        input: unit.into(),
    };
    let mut parts: Vec<Part> = spec
        .layers
        .iter()
        .map(|_| Part::Sources(meanings[..].into()))
        .collect();
    parts.pop();
    parts.push(Part::Linear(linear.into()));
    let graph = Graph::new(&spec, &parts).expect("the parts of the spec");
    let input = Array2::from_shape_vec((1, values.len()), values.to_vec()).expect("one row");
    let Ok(sums) = interpret(&graph, &mut Clear, input);
    scores(&graph.scores, sums).row(0).to_vec()
}
