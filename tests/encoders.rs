//! Inputs whose values or channels have scales of their own, and inputs that the model normalizes: what the client
//! computes, and that the server's integers mean the same.

use fhe_nn_core::plan::{Affine, Encoder, Norm};
use fhe_nn_core::prelude::*;
use fhe_nn_core::quantize::Clipping;
use fhe_nn_core::spec::Scales;
use fhe_nn_core::{ClientKey, Error, ServerKey, Spec};
use ndarray::{Array1, Array2, array};

/// Three features that have nothing in common.
#[fhe_network(input(shape = [3], bits = 6, scales = per_value))]
struct Features {
    #[bits(weights = 7, accumulator = 16, overflow = calibrated)]
    scores: Dense<3, 2>,
}

/// An image of two channels, which is padded.
#[fhe_network(input(shape = [2, 3, 3], bits = 3, scales = per_channel))]
struct Channels {
    #[bits(weights = 4, accumulator = 12)]
    scores: Conv2d<2, 1, 3, 1, 1>,
}

/// A network whose first layer wraps around.
#[fhe_network(input(shape = [4], bits = 3, scales = per_value))]
struct Waves {
    #[bits(weights = 4, accumulator = 5, overflow = wrap)]
    hidden: Dense<4, 6>,
    #[bits(output = 1, phases = 4)]
    wave: Wave,
    #[bits(weights = 4, overflow = calibrated, accumulator = 10)]
    scores: Dense<24, 2>,
}

fn floats<const N: usize>(named: [(&str, &[usize], &[f32]); N]) -> Floats {
    let mut floats = Floats::new();
    for (name, shape, values) in named {
        let values = Array1::from(values.to_vec()).into_shape_with_order(shape.to_vec());
        let values = values.expect("as many values as the shape has");
        floats
            .insert(name, values.into_dyn())
            .expect("another name");
    }
    floats
}

/// Rows of values from 0 to 1, the same in every run.
fn uniform(rows: usize, values: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, values), |(row, index)| {
        ((row * 37 + index * 61 + row * row % 19) % 101) as f32 / 100.0
    })
}

fn features() -> Array2<f32> {
    let (ranges, least) = (array![1.0f32, 4.0, 2000.0], array![0.0f32, 998.0, -3000.0]);
    uniform(60, 3) * &ranges + &least
}

#[test]
fn every_feature_has_its_own_range() -> Result<(), Error> {
    let floats = floats([
        (
            "scores.weight",
            &[2, 3],
            &[1.0, -0.5, 0.001, -2.0, 0.25, 0.0005],
        ),
        ("scores.bias", &[2], &[500.0, -250.0]),
    ]);
    let samples = features();
    let calibration = Calibration::new().with_clipping(Clipping::MinMax);
    let network = Features::quantize_with(&floats, samples.view(), &calibration)?.network;
    let client = network.client_spec();
    assert_eq!(client.encoder.affines.len(), 3);
    for row in samples.rows() {
        let row = row.to_vec();
        let integers = client.encode(&row)?;
        for (index, (&q, &x)) in integers.iter().zip(&row).enumerate() {
            let scale = client.encoder.affine(index, 3).scale;
            let error = client.encoder.real((index, 3), q) - f64::from(x);
            assert!(
                error.abs() <= 0.500_1 * scale,
                "{index}: {error} of {scale}"
            );
        }
    }
    // 64 levels for each range: with one scale for all, the first two would be lost
    let exact = Features::float_scores(&floats, samples.view())?;
    for (scores, exact) in network.run_batch(samples.view())?.iter().zip(exact.rows()) {
        for (own, exact) in scores.reals().iter().zip(exact) {
            assert!((own - exact).abs() < 0.08, "{own} {exact}");
        }
    }
    Ok(())
}

/// Floats whose network computes with levels of its channels only: scores are exact, also where it pads.
fn on_the_grid() -> (Floats, Array2<f32>) {
    let integers: Vec<i16> = (0..18).map(|tap| (tap * 5 + 3) % 15 - 7).collect();
    // a unit of the accumulator is 1/8; channels have the scales 1/2 and 4
    let weight = |(tap, &w): (usize, &i16)| f32::from(w) * 0.125 / [0.5, 4.0][tap / 9];
    let weights: Vec<f32> = integers.iter().enumerate().map(weight).collect();
    let floats = floats([
        ("scores.weight", &[1, 2, 3, 3], &weights),
        ("scores.weight_scale", &[1], &[0.125]),
        ("input.scale", &[2], &[0.5, 4.0]),
        ("input.zero_point", &[2], &[3.0, 5.0]),
    ]);
    let rows = Array2::from_shape_fn((20, 18), |(row, index)| {
        let q = ((row * 7 + index * 3 + row * index) % 8) as f32;
        if index < 9 {
            0.5 * (q - 3.0)
        } else {
            4.0 * (q - 5.0)
        }
    });
    (floats, rows)
}

fn is_exact(network: &Channels, floats: &Floats, rows: &Array2<f32>) -> Result<(), Error> {
    let exact = Channels::float_scores(floats, rows.view())?;
    for (scores, exact) in network.run_batch(rows.view())?.iter().zip(exact.rows()) {
        assert_eq!(scores.reals(), exact.as_slice().expect("rows are slices"));
    }
    Ok(())
}

#[test]
fn padding_is_the_zero_point_of_its_channel() -> Result<(), Error> {
    let (floats, rows) = on_the_grid();
    let network = Channels::quantize(&floats, rows.view())?.network;
    is_exact(&network, &floats, &rows)?;
    let encrypted = |inputs: &[f32]| -> Result<Scores, Error> {
        let plan = network.plan(&PlanOptions::new().with_failure_bits(40.0))?;
        let client = ClientKey::generate(&plan)?;
        let server = ServerKey::new(&client.evaluation_key()?);
        let request = client.encrypt(inputs)?;
        client.decrypt(&request, &network.run_encrypted(&server, &request)?)
    };
    let row = rows.row(3).to_vec();
    assert_eq!(encrypted(&row)?, network.run(&row)?);
    Ok(())
}

/// `x` is normalized to `(x - mean) / std`, and padding is 0 after that.
#[test]
fn a_normalized_input_is_padded_with_its_mean() -> Result<(), Error> {
    let (mut floats, rows) = on_the_grid();
    let (means, stds) = ([16.0, -2.0], [4.0, 0.25]);
    floats.insert("input.mean", array![means[0], means[1]].into_dyn())?;
    floats.insert("input.std", array![stds[0], stds[1]].into_dyn())?;
    let mut raw = rows.clone();
    for ((_, index), x) in raw.indexed_iter_mut() {
        *x = *x * stds[index / 9] + means[index / 9];
    }
    let network = Channels::quantize(&floats, raw.view())?.network;
    let encoder = network.client_spec().encoder;
    let norms = [(16.0, 4.0), (-2.0, 0.25)].map(|(mean, std)| Norm { mean, std });
    assert_eq!(*encoder.norms, norms);
    is_exact(&network, &floats, &raw)?;
    let plain = on_the_grid().0;
    assert_eq!(
        Channels::float_scores(&floats, raw.view())?,
        Channels::float_scores(&plain, rows.view())?
    );
    // the file, the plan and the description keep the encoder
    let again = Channels::from_bytes(&network.to_bytes())?;
    assert_eq!(again.client_spec(), network.client_spec());
    let plan = network.plan(&PlanOptions::new())?;
    let description = Description::new(plan)?;
    let read = Description::from_bytes(&description.to_bytes())?;
    assert_eq!(read.client_spec().encoder, encoder);
    Ok(())
}

#[test]
fn one_scale_for_features_that_differ_is_noted() -> Result<(), Error> {
    let weights = [1.0, -0.5, 0.001, -2.0, 0.25, 0.0005];
    let floats = floats([("scores.weight", &[2, 3], &weights)]);
    let spec = Spec {
        input: Features::SPEC.input.clone().with_scales(Scales::One),
        ..Features::SPEC.clone()
    };
    let report = Model::quantize(&spec, &floats, features().view())?.report;
    let notes = report.notes.join("\n");
    assert!(
        notes.contains("write `scales = per_value` on the input"),
        "{notes}"
    );
    Ok(())
}

#[test]
fn a_model_of_other_scales_is_refused() -> Result<(), Error> {
    mod other {
        use fhe_nn_core::prelude::*;

        #[fhe_network(input(shape = [3], bits = 6))]
        pub(crate) struct Features {
            #[bits(weights = 7, accumulator = 16, overflow = calibrated)]
            scores: Dense<3, 2>,
        }
    }
    let floats = floats([(
        "scores.weight",
        &[2, 3],
        &[1.0, -0.5, 0.001, -2.0, 0.25, 0.0005],
    )]);
    let one = other::Features::quantize(&floats, features().view())?.network;
    let refused = Features::from_bytes(&one.to_bytes()).map(drop);
    let refused = refused.expect_err("one scale");
    let text = refused.to_string();
    assert!(
        text.contains("its input is [3] of 6 bits, not [3] of 6 bits, scales per_value"),
        "{text}"
    );
    Ok(())
}

#[test]
fn scales_that_a_client_cannot_use_are_refused() -> Result<(), Error> {
    let refused = |name: &str, values: &[f32]| {
        let (given, rows) = on_the_grid();
        let mut floats = Floats::new();
        let values = Array1::from(values.to_vec()).into_dyn();
        floats.insert(name, values).expect("the first one");
        for (other, values) in given.iter().filter(|(other, _)| *other != name) {
            floats.insert(other, values.clone()).expect("another name");
        }
        let error = Channels::quantize(&floats, rows.view()).map(drop);
        error.expect_err(name).to_string()
    };
    assert!(refused("input.scale", &[0.5, 0.0]).contains("`input.scale`"));
    assert!(refused("input.scale", &[0.5, 1.0, 2.0]).contains("`input.scale`"));
    // 0 is what padding stands for
    assert!(refused("input.zero_point", &[3.0, 8.0]).contains("`input.zero_point`"));
    assert!(refused("input.mean", &[1.0, 2.0]).contains("`input.std`"));
    Ok(())
}

/// Training computes with the integers of the quantized network, and its floats quantize to them.
#[test]
fn training_reads_every_feature_with_its_own_scale() -> Result<(), Error> {
    use fhe_nn_core::train::Device;

    let samples =
        uniform(80, 4) * &array![1.0f32, 20.0, 3000.0, 0.05] + &array![-0.5f32, 100.0, 0.0, -0.05];
    let mut module = Waves::trainable(&Device::Cpu)?;
    module.calibrate(samples.view())?;
    let own = module.integer_scores(samples.view())?;
    let floats = module.floats()?;
    assert_eq!(
        floats.get("input.scale").map(|scales| scales.len()),
        Some(4)
    );
    let network = Waves::quantize(&floats, samples.view())?.network;
    for (scores, own) in network.run_batch(samples.view())?.iter().zip(own.rows()) {
        let own: Vec<i64> = own.iter().map(|&q| q as i64).collect();
        assert_eq!(scores.integers(), own);
    }
    let mut again = Waves::trainable(&Device::Cpu)?;
    again.load(&floats, samples.view())?;
    assert_eq!(
        again.integer_scores(samples.view())?,
        module.integer_scores(samples.view())?
    );

    let (floats, rows) = on_the_grid();
    let mut module = Channels::trainable(&Device::Cpu)?;
    module.load(&floats, rows.view())?;
    let scores = module.scores(rows.view())?.mapv(f64::from);
    assert_eq!(scores, Channels::float_scores(&floats, rows.view())?);
    Ok(())
}

#[test]
fn a_declaration_says_its_scales() {
    assert_eq!(Features::SPEC.input.scales, Scales::PerValue);
    assert!(
        Features::SPEC
            .declaration(&[])
            .contains("input(shape = [3], bits = 6, scales = per_value)")
    );
    let encoder = Encoder::from(Affine {
        scale: 2.0,
        zero_point: 1,
    });
    assert_eq!(encoder.real((2, 3), 3), 4.0);
}
