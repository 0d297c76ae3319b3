//! Bit-widths that are found.

use std::sync::atomic::AtomicBool;

use fhe_nn_core::prelude::*;
use fhe_nn_core::run::{Watch, accuracy};
use fhe_nn_core::tune::{TuneError, Tuned, Tuner};
use fhe_nn_core::{Error, Spec};
use ndarray::{Array2, ArrayD};

/// Which of three groups eight values belong to.
#[fhe_network(input(shape = [8], bits = 6))]
struct Groups {
    #[bits(weights = 6, accumulator = 16, overflow = calibrated)]
    hidden: Dense<8, 12>,
    #[bits(output = 6, table = 8)]
    relu: Relu,
    #[bits(weights = 6)]
    scores: Dense<12, 3>,
}

const ROWS: usize = 240;

/// Numbers between -1 and 1 that look random.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// Rows around three centres, and their classes.
fn rows() -> (Array2<f32>, Vec<u32>) {
    let mut number = numbers(5);
    let centres: Vec<f32> = (0..24).map(|_| number()).collect();
    let rows = Array2::from_shape_fn((ROWS, 8), |(row, j)| {
        centres[8 * (row % 3) + j] + 0.25 * number()
    });
    (rows, (0..ROWS).map(|row| (row % 3) as u32).collect())
}

/// A hidden neuron for each value with either sign, and scores that measure the distance from the centres.
fn floats() -> Floats {
    let mut number = numbers(5);
    let centres: Vec<f32> = (0..24).map(|_| number()).collect();
    let mut number = numbers(9);
    let hidden: Vec<f32> = (0..96).map(|_| number()).collect();
    // what the neurons say at the centres
    let at = |class: usize, neuron: usize| {
        let sum: f32 = (0..8)
            .map(|j| hidden[8 * neuron + j] * centres[8 * class + j])
            .sum();
        sum.max(0.0)
    };
    let weights = (0..36).map(|k| at(k / 12, k % 12)).collect();
    let bias = (0..3).map(|class| -0.5 * (0..12).map(|n| at(class, n).powi(2)).sum::<f32>());
    let tensor = |shape: Vec<usize>, values: Vec<f32>| {
        ArrayD::from_shape_vec(shape, values).expect("as many values")
    };
    let mut floats = Floats::new();
    floats
        .insert("scores.bias", tensor(vec![3], bias.collect()))
        .expect("new");
    floats
        .insert("scores.weight", tensor(vec![3, 12], weights))
        .expect("new");
    floats
        .insert("hidden.weight", tensor(vec![12, 8], hidden))
        .expect("new");
    floats
}

fn tune(tuner: Tuner<'_>, floats: &Floats) -> Result<Tuned, Error> {
    let (rows, labels) = rows();
    let tuner = tuner.with_trials(96);
    tuner.run(Groups::SPEC, &[], floats, rows.view(), Some(&labels))
}

#[test]
fn the_declaration_is_faster_and_keeps_its_promise() {
    let (rows, labels) = rows();
    let generous = Groups::quantize(&floats(), rows.view())
        .expect("it quantizes")
        .network;
    let generous = generous
        .plan(&PlanOptions::default())
        .expect("it has a plan");
    let tuned = tune(Tuner::new().with_loss(0.03), &floats()).expect("some declaration keeps it");
    assert!(
        tuned.seconds() < 0.3 * generous.predicted_seconds(2),
        "{tuned}"
    );
    assert_eq!(tuned.promise.rows, ROWS - 2 * (ROWS * 38 / 100));
    assert!(tuned.promise.loss() <= 0.03, "{tuned}");
    let right = accuracy(&tuned.model.run_batch(rows.view()).expect("rows"), &labels);
    assert!(right.expect("labels") > 0.95, "{tuned}");
    assert!(tuned.plan.is_exact());

    // the model is that of the declaration, and a file holds it
    assert_eq!(*tuned.model.spec(), tuned.spec);
    let again = Model::from_bytes(&tuned.model.to_bytes()).expect("it was saved");
    assert_eq!(again, tuned.model);
    assert!(tuned.model.plan(&PlanOptions::default()).expect("a plan") == tuned.plan);

    // every trial and the chosen one are drawn
    let front = tuned.front();
    assert!(
        front
            .windows(2)
            .all(|pair| pair[0].seconds < pair[1].seconds)
    );
    let dots = tuned.svg().matches("<circle").count();
    assert_eq!(
        dots,
        tuned.trials.len() + front.len() + 1 + 3,
        "with three marks of the legend"
    );
}

#[test]
fn a_seed_gives_the_same_declaration() {
    let tuned = || tune(Tuner::new().with_loss(0.03).with_seed(7), &floats()).expect("found");
    let (one, other) = (tuned(), tuned());
    assert_eq!(one.model.to_bytes(), other.model.to_bytes());
    assert_eq!((one.promise, one.trials), (other.promise, other.trials));
}

#[test]
fn approximate_rounding_is_no_slower() {
    let tuner = Tuner::new().with_loss(0.03);
    let exact = tune(tuner, &floats()).expect("found");
    let approximate = tune(tuner.with_approximate(true), &floats()).expect("found");
    assert!(
        approximate.seconds() <= exact.seconds(),
        "{exact}\n{approximate}"
    );
    // an exact model that drops bits has a faster sibling with the same integers
    let dropping = Groups::quantize(&floats(), rows().0.view()).expect("it quantizes");
    let dropping = dropping.network.model();
    let sibling = dropping.approximate().expect("its table drops bits");
    assert_eq!(sibling.parts(), dropping.parts());
    let seconds = |model: &Model| {
        let plan = model.plan(&PlanOptions::default()).expect("a plan");
        plan.predicted_seconds(2)
    };
    assert!(seconds(&sibling) < seconds(&dropping));
    assert!(sibling.approximate().is_none());
}

#[cfg(feature = "train")]
#[test]
fn training_on_makes_it_no_slower() {
    let tuner = Tuner::new().with_loss(0.02);
    let found = tune(tuner, &floats()).expect("found");
    let trained = tune(tuner.with_trained(2), &floats()).expect("found, and trained on");
    assert!(trained.seconds() <= found.seconds(), "{found}\n{trained}");
    assert!(trained.promise.loss() <= 0.02, "{trained}");
    assert_eq!(
        trained.floats.is_some(),
        trained.seconds() < found.seconds()
    );
}

#[test]
fn widths_with_given_scales_stay() {
    let mut given = floats();
    let scale = |value| ArrayD::from_elem(vec![1], value);
    given.insert("input.scale", scale(2.5 / 31.0)).expect("new");
    given.insert("input.zero_point", scale(31.0)).expect("new");
    given
        .insert("hidden.weight_scale", scale(1.0 / 31.0))
        .expect("new");
    let tuned = tune(Tuner::new().with_loss(0.05), &given).expect("found");
    assert_eq!(tuned.spec.input.bits, 6);
    let weights = |spec: &Spec, index: usize| spec.layers[index].op.weights();
    assert_eq!(weights(&tuned.spec, 0), Some(6));
    assert!(
        tuned
            .trials
            .iter()
            .any(|trial| weights(&trial.spec, 2) != Some(6))
    );
}

#[test]
fn what_cannot_be_kept_is_an_error() {
    let tuner = Tuner::new().with_loss(0.03).with_seconds(1e-6);
    let refused = tune(tuner, &floats()).expect_err("no plan is that fast");
    assert!(matches!(refused, Error::Tune(TuneError::NotKept { .. })));
    assert!(
        refused.to_string().contains("within 0.000001 s"),
        "{refused}"
    );
    let refused = tune(Tuner::new().with_loss(1.5), &floats());
    assert!(matches!(refused, Err(Error::Tune(TuneError::Loss { .. }))));

    let stop = AtomicBool::new(true);
    let tuner = Tuner::new().with_watch(Watch::new().with_cancel(&stop));
    assert!(matches!(tune(tuner, &floats()), Err(Error::Cancelled)));

    let (rows, labels) = rows();
    let few = Tuner::new().run(
        Groups::SPEC,
        &[],
        &floats(),
        rows.view(),
        Some(&labels[1..]),
    );
    assert!(matches!(few, Err(Error::Labels { .. })));
}
