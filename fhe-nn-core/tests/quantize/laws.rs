//! Laws that hold for every network and every input.

use fhe_nn_core::layer::Linear;
use fhe_nn_core::prelude::*;
use fhe_nn_core::proof::graph::Op;
use fhe_nn_core::proof::widths::{Range, max_weight};
use fhe_nn_core::quantize::{Clipping, LayerReport};
use fhe_nn_core::spec::Op as SpecOp;
use ndarray::{Array1, Array2, ArrayView1, array};
use proptest::prelude::*;

use super::{
    METHODS, Seen, Signs, Smooth, Waves, encode, floats, insert, linears, quantize, uniform,
};

fn samples(count: usize) -> impl Strategy<Value = (u64, Array2<f32>)> {
    (1..u64::MAX, -1f32..=0.0, 0.5f32..4.0).prop_map(move |(mut seed, lo, hi)| {
        let samples = uniform((count, 6), lo..=hi, &mut seed);
        (seed, samples)
    })
}

/// The neurons' accumulators on an input, with their phases.
fn accumulators(layer: &Linear, input: ArrayView1<'_, i64>) -> Vec<i64> {
    let dot = |j: usize| -> i64 {
        let products = layer.weights.row(j).into_iter().zip(&input);
        products.map(|(&w, &q)| i64::from(w) * q).sum()
    };
    (0..layer.outputs())
        .map(|j| dot(j) + layer.constants[j])
        .collect()
}

fn hull(values: impl Iterator<Item = i64>) -> Range {
    values.fold(
        Range {
            lo: i64::MAX,
            hi: i64::MIN,
        },
        |r, v| Range {
            lo: r.lo.min(v),
            hi: r.hi.max(v),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn eight_bits_are_near_the_reals((mut seed, samples) in samples(200)) {
        let floats = floats::<Smooth>(&mut seed);
        let (network, report): (Smooth, _) = quantize(&floats, &samples);
        let mut real = samples.clone();
        for (layer, f) in [
            ("fc1", (|x: f32| 1.0 / (1.0 + (-x).exp())) as fn(f32) -> f32),
            ("fc2", f32::tanh),
            ("fc3", |x| x),
            ("fc4", |x| x),
        ] {
            let get = |field| floats.get(&format!("{layer}.{field}")).expect("inserted").view();
            let weights = get("weight").into_dimensionality::<ndarray::Ix2>().expect("a matrix");
            let bias = get("bias").into_dimensionality::<ndarray::Ix1>().expect("a vector");
            real = (real.dot(&weights.t()) + bias).mapv(f);
        }
        let scores = network.run_batch(samples.view()).expect("in shape");
        let squares: f64 = scores.iter().zip(real.rows()).flat_map(|(scores, real)| {
            scores.reals().iter().zip(real.to_vec()).map(|(q, x)| (q - f64::from(x)).powi(2)).collect::<Vec<_>>()
        }).sum();
        let error = (squares / real.len() as f64).sqrt();
        prop_assert!(error < 0.03, "{error}");
        prop_assert!((report.layers[3].results.error - error).abs() < 1e-4);
        prop_assert!(report.layers.iter().all(|layer: &LayerReport| layer.weights.relative() < 0.01));
    }

    #[test]
    fn no_input_leaves_a_proved_width((mut seed, samples) in samples(40)) {
        let (network, report): (Smooth, _) = quantize(&floats::<Smooth>(&mut seed), &samples);
        let first = &linears(&network)[0];
        for trial in 0..200 {
            let mut input = uniform(6, 0.0..=255.99, &mut seed).mapv(|x| x as i64);
            if trial < 64 {
                input = Array1::from_shape_fn(6, |i| 255 * (trial >> i & 1));
            }
            for (j, acc) in accumulators(first, input.view()).into_iter().enumerate() {
                prop_assert!(Range::signed(first.widths[j]).contains(acc));
                prop_assert!(report.layers[0].proved.contains(acc));
            }
        }
        // every width is reached by some input
        for (j, &width) in first.widths.iter().enumerate() {
            let reaches = [1, -1].map(|sign| {
                let worst = first.weights.row(j).mapv(|w| if i64::from(w) * sign > 0 { 255 } else { 0 });
                accumulators(first, worst.view())[j]
            });
            let range = hull(reaches.into_iter());
            prop_assert_eq!(width, range.signed_bits().max(2));
        }
    }

    #[test]
    fn calibrated_widths_are_those_of_the_samples((mut seed, samples) in samples(40)) {
        let (network, report): (Seen, _) = quantize(&floats::<Seen>(&mut seed), &samples);
        let (first, client) = (&linears(&network)[0], network.client_spec());
        let rows = samples.rows().into_iter().map(|row| encode(&client, &row.to_vec()));
        let all: Vec<Vec<i64>> = rows.map(|q| accumulators(first, q.view())).collect();
        for (j, &width) in first.widths.iter().enumerate() {
            prop_assert_eq!(width, hull(all.iter().map(|acc| acc[j])).signed_bits().max(2));
        }
        // scores have a spare bit
        let (scores, bits) = (&report.layers[1], report.layers[1].seen.signed_bits());
        prop_assert!((bits..=bits + 1).contains(&scores.widest));
        prop_assert_eq!(report.layers[0].seen, hull(all.into_iter().flatten()));
    }

    #[test]
    fn integer_weights_are_found_again(integers in prop::collection::vec(-7i16..=7, 30), scale in 1e-3f32..10.0, mut seed in 1..u64::MAX) {
        let mut weights = Array2::from_shape_vec((5, 6), integers).expect("30 weights");
        weights.column_mut(0).fill(-7);
        let mut floats = floats::<Seen>(&mut seed);
        insert(&mut floats, "fc1", weights.mapv(|w| f32::from(w) * scale), Array1::zeros(5));
        let samples = uniform((40, 6), 0.0..=1.0, &mut seed);
        for clipping in [Clipping::MinMax, Clipping::Mse] {
            let method = Calibration::new().with_clipping(clipping);
            let network = Seen::quantize_with(&floats, samples.view(), &method).expect("fits").network;
            prop_assert_eq!(&linears(&network)[0].weights, &weights);
        }
    }

    #[test]
    fn wave_integers_are_found_again(
        integers in prop::collection::vec(-3i16..=3, 24),
        phases in prop::collection::vec(0i64..16, 4),
        mut seed in 1..u64::MAX,
    ) {
        let weights = Array2::from_shape_vec((4, 6), integers).expect("24 weights");
        let unit = 4.0 / 16.0;
        let bias = phases.iter().map(|&t| t as f32 * unit).collect();
        let mut floats = floats::<Waves>(&mut seed);
        insert(&mut floats, "fc1", weights.mapv(|w| f32::from(w) * unit), bias);
        let mut samples = uniform((40, 6), 0.0..=1.0, &mut seed);
        samples.row_mut(0).fill(0.0);
        samples.row_mut(1).fill(1.0);
        let (network, report): (Waves, _) = quantize(&floats, &samples);
        let layers = linears(&network);
        prop_assert_eq!(&layers[0].weights, &weights);
        prop_assert_eq!(&layers[0].constants, &phases);
        prop_assert_eq!(&layers[0].widths, &vec![4; 4]);
        prop_assert_eq!(layers[1].input.clone(), fhe_nn_core::plan::Affine { scale: 1.0 / 7.0, zero_point: 0 }.into());
        prop_assert_eq!(report.layers[0].saturated, 0);
    }

    #[test]
    fn a_sign_is_that_of_the_quantized_reals((mut seed, samples) in samples(40), far in -40f32..40.0) {
        let mut floats = floats::<Signs>(&mut seed);
        let weights = uniform((4, 6), -1.0..=1.0, &mut seed);
        insert(&mut floats, "fc1", weights, array![0.1, -0.3, far, -far]);
        let (network, _): (Signs, _) = quantize(&floats, &samples);
        let (layer, model, client) = (&linears(&network)[0], network.model(), network.client_spec());
        let graph = model.graph();
        let Op::Lookup(sign) = &graph.nodes[1].op else { unreachable!("the second field is a sign") };
        for _ in 0..100 {
            let input = encode(&client, &uniform(6, -1.5..=4.5, &mut seed).to_vec());
            for (j, acc) in accumulators(layer, input.view()).into_iter().enumerate() {
                prop_assert!(Range::signed(layer.widths[j]).contains(acc));
                let real = layer.line(j).real(acc);
                prop_assert_eq!(sign.value(j, acc, 0), if real >= 0.0 { 1 } else { -1 });
            }
        }
    }

    #[test]
    fn integers_stay_within_their_bits((mut seed, samples) in samples(40)) {
        for method in METHODS {
            let quantized = Seen::quantize_with(&floats::<Seen>(&mut seed), samples.view(), &method);
            let network = quantized.expect("fits").network;
            let max = max_weight(4) as i16;
            for layer in linears(&network) {
                prop_assert!(layer.weights.iter().all(|w| w.abs() <= max));
                prop_assert!(layer.scales.iter().all(|s| s.is_normal() && *s > 0.0));
            }
            for node in network.model().graph().nodes {
                if let Op::Lookup(op) = node.op {
                    let SpecOp::Activation(act) = &Seen::SPEC.layers[1].op else {
                        unreachable!("the second field is an activation")
                    };
                    let range = act.function.range(act.output);
                    for (j, &width) in op.read.widths.iter().enumerate() {
                        let Range { lo, hi } = Range::signed(width);
                        prop_assert!((lo..=hi).all(|acc| range.contains(op.value(j, acc, 0))));
                    }
                }
            }
        }
    }
}
