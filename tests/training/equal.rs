//! After training, the quantized network equals the trained module on every input.

use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{Device, Optimizer, Trainable, Trainer, WeightScales};
use ndarray::Array2;

use super::Data;

#[fhe_network(input(shape = [24], bits = 1))]
struct Waves {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<24, 12>,
    #[bits(output = 3, phases = 4)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 11, overflow = calibrated)]
    scores: Dense<48, 3>,
}

#[fhe_network(input(shape = [24], bits = 3))]
struct Signs {
    #[bits(weights = 3)]
    hidden: Dense<24, 16>,
    #[bits(table = 8)]
    first: Sign,
    #[bits(weights = 3, accumulator = 6)]
    second: Dense<16, 16>,
    sign: Sign,
    #[bits(weights = 4)]
    scores: Dense<16, 3>,
}

#[fhe_network(input(shape = [24], bits = 4))]
struct Promised {
    #[bits(weights = 4, accumulator = 8)]
    hidden: Dense<24, 16>,
    #[bits(output = 4)]
    relu: Relu,
    #[bits(weights = 4, accumulator = 9)]
    second: Dense<16, 12>,
    #[bits(output = 4, table = 6)]
    silu: Silu,
    #[bits(weights = 5)]
    scores: Dense<12, 3>,
}

#[fhe_network(input(shape = [2, 6, 6], bits = 3))]
struct Branches {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv2d<2, 6, 3, 1, 1>,
    #[bits(output = 3, table = 6)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    grouped: Conv2d<6, 6, 3, 1, 1, 1, 3>,
    #[bits(output = 3, table = 6)]
    tanh: Tanh,
    #[from(relu, tanh)]
    sum: layer::Add,
    #[bits(output = 3)]
    again: Relu,
    #[from(again)]
    average: AvgPool2d<3>,
    #[from(again)]
    greatest: MaxPool2d<3>,
    #[from(average)]
    #[bits(output = 3, table = 5)]
    least: Identity,
    #[from(least, greatest)]
    both: Concat,
    #[bits(weights = 4, overflow = calibrated)]
    scores: Dense<48, 3>,
}

/// Windows that differ by axis and by end.
#[fhe_network(input(shape = [2, 6, 6], bits = 3))]
struct Uneven {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv<2, 6, (Axis<1>, Axis<5, 1, 0, 1, 2>)>,
    #[bits(output = 3, table = 6)]
    relu: Relu,
    greatest: MaxPool<(Axis<2, 2>, Axis<3, 2, 0, 1, 1>)>,
    average: AvgPool<(Axis<2, 2, 1, 1, 0>, Axis<2, 1>)>,
    #[bits(weights = 4, overflow = calibrated)]
    scores: Dense<12, 3>,
}

#[fhe_network(input(shape = [6], vocabulary = 8))]
struct Words {
    #[bits(weights = 4)]
    vectors: Embedding<8, 4>,
    average: GlobalAvgPool,
    #[bits(weights = 4, overflow = calibrated)]
    hidden: Dense<4, 8>,
    #[bits(output = 4, table = 6)]
    gelu: Gelu,
    #[bits(weights = 4)]
    gate: Dense<8, 4>,
    #[bits(output = 3, table = 5)]
    sigmoid: Sigmoid,
    #[from(gelu)]
    #[bits(weights = 4)]
    value: Dense<8, 4>,
    #[bits(output = 3, table = 5)]
    identity: Identity,
    #[from(sigmoid, identity)]
    product: layer::Mul,
    #[bits(output = 3, table = 5)]
    requantized: Identity,
    #[bits(weights = 4)]
    scores: Dense<4, 3>,
}

/// A gate for each channel.
#[fhe_network(input(shape = [2, 6, 6], bits = 3))]
struct Gated {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv2d<2, 4, 3, 2>,
    #[bits(output = 3, table = 6)]
    relu: Relu,
    pool: GlobalAvgPool,
    #[bits(weights = 4, overflow = calibrated)]
    squeeze: Conv2d<4, 4, 1>,
    #[bits(output = 3, table = 6)]
    gate: Sigmoid,
    #[from(relu, gate)]
    sum: layer::Add,
    #[bits(output = 3, table = 6)]
    tanh: Tanh,
    #[from(tanh, gate)]
    product: layer::Mul,
    #[bits(weights = 4, overflow = calibrated)]
    scores: Dense<16, 3>,
}

/// A network with sums beyond 2^24, which 32-bit floats cannot hold.
#[fhe_network(input(shape = [24], bits = 16))]
struct Wide {
    #[bits(weights = 12, accumulator = 12, overflow = wrap)]
    hidden: Dense<24, 12>,
    #[bits(table = 4)]
    sign: Sign,
    #[bits(weights = 8)]
    scores: Dense<12, 3>,
}

#[test]
fn waves_are_what_was_trained() {
    learns::<Waves>(&Data::new(600, 24, 3, 1), |module| module);
}

/// The factor of the scores that is learned beside their weights is in the latent floats, so they go on as the same network.
#[test]
fn latent_floats_are_the_network_that_was_trained() {
    let data = Data::new(600, 24, 3, 1);
    let fresh = || {
        let module = Waves::trainable(&Device::Cpu).expect("a network");
        module.with_weight_scales(WeightScales::Greatest)
    };
    let mut module = fresh();
    let trainer = Trainer::new().with_epochs(6).with_progress(false);
    trainer
        .fit(&mut module, &data.examples(), None)
        .expect("it learns");
    let latent = module.latent().expect("it was calibrated");
    let mut again = fresh();
    again
        .load(&latent, trainer.samples(&data.examples()).view())
        .expect("floats of the same network");
    let (trained, loaded) = (scores(&module, &data), scores(&again, &data));
    for (a, b) in trained.iter().zip(&loaded) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{a} {b}");
    }

    // without the factor, the scale of a channel is its greatest weight through 7
    let scales = module.floats().expect("it was calibrated");
    let scales = scales.get("scores.weight_scale").cloned().expect("scales");
    let greatest = again.latent().expect("it was calibrated");
    let greatest = greatest.get("scores.weight").expect("weights").clone();
    for (scale, row) in scales.iter().zip(greatest.outer_iter()) {
        let most = row.iter().fold(0.0, |most: f32, w| most.max(w.abs()));
        assert!((scale - most / 7.0).abs() <= 1e-4 * scale, "{scale} {most}");
    }
}

/// Phases are learned in periods, and a small step of gradient descent is a small step of them all the same.
#[test]
fn gradient_descent_moves_phases_by_their_own_gradient() {
    let data = Data::new(600, 24, 3, 1);
    let mut module = Waves::trainable(&Device::Cpu).expect("a network");
    let latent = |module: &Trainable, name: &str| {
        let latent = module.latent().expect("it was calibrated");
        latent.get(name).expect("it is learned").clone()
    };
    let trainer = Trainer::new().with_epochs(1).with_progress(false);
    let samples = trainer.samples(&data.examples());
    module
        .calibrate(samples.view())
        .expect("samples of its shape");
    let names = ["hidden.weight", "hidden.bias"];
    let before = names.map(|name| latent(&module, name));
    let descent = trainer
        .with_rate(1e-3)
        .with_optimizer(Optimizer::Sgd { momentum: 0.9 });
    descent
        .fit(&mut module, &data.examples(), None)
        .expect("it learns");
    let [weight, phase] = [0, 1].map(|k| {
        let moved = latent(&module, names[k]) - &before[k];
        moved.iter().fold(0.0, |most: f32, by| most.max(by.abs()))
    });
    // inputs are 0 or 1, so the gradient of a phase is about as large as that of a weight
    assert!(weight > 0.0 && phase > 0.0, "{weight} {phase}");
    assert!(phase < 20.0 * weight, "{weight} {phase}");
}

fn scores(module: &Trainable, data: &Data) -> Array2<f32> {
    module
        .scores(data.inputs.view())
        .expect("inputs of its shape")
}

#[test]
fn signs_are_what_was_trained() {
    learns::<Signs>(&Data::new(600, 24, 3, 2), |module| module);
}

#[test]
fn promised_accumulators_are_kept_from_the_first_step_on() {
    learns::<Promised>(&Data::new(600, 24, 3, 3), |module| module);
}

#[test]
fn convolutions_and_branches_are_what_was_trained() {
    learns::<Branches>(&Data::new(600, 72, 3, 4), |module| module);
}

#[test]
fn gates_of_channels_are_what_was_trained() {
    learns::<Gated>(&Data::new(600, 72, 3, 10), |module| module);
}

#[test]
fn uneven_windows_are_what_was_trained() {
    learns::<Uneven>(&Data::new(600, 72, 3, 10), |module| module);
}

/// The module is compared untrained, as sums that wrap this often carry no information about their inputs.
#[test]
fn wide_sums_are_what_was_trained() {
    let data = Data::new(600, 24, 3, 9);
    let mut module = Wide::trainable(&Device::Cpu).expect("a network");
    module.calibrate(data.inputs.view()).expect("samples");
    compare::<Wide>(&module, &data, &data.inputs);
}

#[test]
fn words_are_what_was_trained() {
    let mut data = Data::new(600, 6, 3, 5);
    data.inputs.mapv_inplace(|x| (x * 7.9).floor());
    // the class depends on the tokens, not on their order
    let sums = data.inputs.rows().into_iter().map(|row| row.sum());
    data.labels = sums
        .map(|sum| {
            if sum < 16.0 {
                0
            } else {
                1 + u32::from(sum > 22.0)
            }
        })
        .collect();
    learns::<Words>(&data, |module| module);
}

#[test]
fn weights_are_powers_of_two_where_they_must_be() {
    let powers = |module: Trainable| module.with_powers_of_two(true);
    let network = learns::<Promised>(&Data::new(600, 24, 3, 6), powers);
    let weights = network.scores.linear().weights.iter();
    let mut sizes = weights.map(|w| w.unsigned_abs());
    assert!(sizes.all(|w| w == 0 || w.is_power_of_two()));
}

#[test]
fn weights_are_pruned_where_they_must_be() {
    let network = learns::<Promised>(&Data::new(600, 24, 3, 7), |module| module.with_pruned(0.5));
    for row in network.hidden.linear().weights.rows() {
        assert!(row.iter().filter(|&&w| w == 0).count() >= 12);
    }
}

#[fhe_network(input(shape = [24], bits = 4))]
struct Approximate {
    #[bits(weights = 4, overflow = calibrated)]
    hidden: Dense<24, 16>,
    #[bits(output = 4, table = 4, rounding = approximate)]
    relu: Relu,
    #[bits(weights = 4)]
    scores: Dense<16, 3>,
}

/// A module trained with the noise of its own plan still equals the quantized network, and its report has the accuracy
/// of the simulation.
#[test]
fn noise_is_learned_and_the_report_is_of_the_network() {
    let data = Data::new(600, 24, 3, 8);
    let examples = data.examples();
    let mut module = Approximate::trainable(&Device::Cpu).expect("a network");
    let trainer = Trainer::new()
        .with_epochs(6)
        .with_batch(50)
        .with_rate(1e-2)
        .with_progress(false);
    trainer
        .fit(&mut module, &examples, None)
        .expect("it learns");
    let samples = trainer.samples(&examples);
    let options = PlanOptions::default();
    let first = module
        .outcome::<Approximate>(samples.view(), &examples, &options)
        .expect("a plan");
    let before = module.floats().expect("finite");
    module.learn_with_noise(Some(&first.plan));
    trainer
        .fit(&mut module, &examples, None)
        .expect("it learns");
    let noisy = module.floats().expect("finite");
    assert_ne!(before, noisy);

    let outcome = module
        .outcome::<Approximate>(samples.view(), &examples, &options)
        .expect("a plan");
    let trained = fhe_nn_core::train::accuracy(&module, &examples).expect("calibrated");
    assert_eq!((outcome.quantized, outcome.examples), (trained, 600));
    assert!(
        outcome.simulated > 0.5 && outcome.float > Some(0.5),
        "{outcome}"
    );
    let text = outcome.to_string();
    assert!(
        text.contains("of 600 examples right") && text.contains("16 bootstraps"),
        "{text}"
    );
}

/// Trains on the data, and compares on the data and on inputs beyond their range.
fn learns<N: Network>(data: &Data, prepare: impl Fn(Trainable) -> Trainable) -> N {
    let mut module = prepare(N::trainable(&Device::Cpu).expect("a network"));
    let trainer = Trainer::new()
        .with_epochs(12)
        .with_batch(50)
        .with_rate(1e-2)
        .with_progress(false);
    let examples = data.examples();
    let history = trainer
        .fit(&mut module, &examples, Some(&examples))
        .expect("it learns");
    assert!(history.accuracy() > Some(0.55), "{history:?}");

    compare(&module, data, &trainer.samples(&examples))
}

/// Quantizes a module, and compares both on the data and on inputs beyond their range.
fn compare<N: Network>(module: &Trainable, data: &Data, samples: &Array2<f32>) -> N {
    let floats = module.floats().expect("finite");
    let network = N::quantize(&floats, samples.view())
        .expect("promises are kept")
        .network;
    let beyond = data.inputs.mapv(|x| {
        (1.3 * x)
            .min(data.inputs.fold(0.0, |m: f32, &x| m.max(x)))
            .round()
    });
    for inputs in [&data.inputs, &beyond] {
        let trained = module.integer_scores(inputs.view()).expect("calibrated");
        let quantized = network
            .run_batch(inputs.view())
            .expect("inputs of its length");
        assert_eq!(trained.nrows(), quantized.len());
        for (trained, quantized) in trained.rows().into_iter().zip(&quantized) {
            let quantized: Vec<f32> = quantized.integers().iter().map(|&q| q as f32).collect();
            assert_eq!(trained.to_vec(), quantized);
        }
    }
    network
}
