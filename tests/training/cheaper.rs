//! Trained networks that become cheaper, one field at a time.

use std::ops::ControlFlow;

use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{Candidate, Device, Front, Precision, Search, TrainError, Trainer};
use fhe_nn_core::tune::{TuneError, Tuner};
use fhe_nn_core::{Error, Floats, Model, run};
use ndarray::Array2;

use super::Data;

#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
struct Image {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv2d<1, 4, 3>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    pool: MaxPool2d<2>,
    #[bits(weights = 5)]
    scores: Dense<36, 3>,
}

#[fhe_network(input(shape = [24], bits = 4))]
struct Deep {
    #[bits(weights = 4, overflow = calibrated)]
    first: Dense<24, 12>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    second: Dense<12, 10>,
    #[bits(output = 4, table = 5)]
    tanh: Tanh,
    #[bits(weights = 5)]
    scores: Dense<10, 3>,
}

#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
struct Depthwise {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv2d<1, 4, 3>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    each: Conv2d<4, 4, 3, 1, 1, 1, 4>,
    #[bits(output = 4, table = 5)]
    elu: Elu,
    pool: AvgPool2d<2>,
    #[bits(weights = 5)]
    scores: Dense<36, 3>,
}

fn trainer(epochs: usize) -> Trainer<'static> {
    Trainer::new()
        .with_epochs(epochs)
        .with_batch(50)
        .with_rate(1e-2)
        .with_progress(false)
}

/// The floats of a network that was trained in floating point.
fn trained<N: Network>(data: &Data) -> Floats {
    let module = N::trainable(&Device::Cpu).expect("a network");
    let mut module = module.with_precision(Precision::Float);
    let examples = data.examples();
    trainer(15)
        .fit(&mut module, &examples, None)
        .expect("it learns");
    module.latent().expect("finite floats")
}

fn cheaper<N: Network>(floats: &Floats, data: &Data, search: &Search<'_>) -> Front {
    let examples = data.examples();
    let front = search.cheaper(N::SPEC, floats, &examples, &examples, |_| {
        ControlFlow::Continue(())
    });
    front.expect("floats of the network")
}

fn all(front: &Front) -> impl Iterator<Item = &Candidate> {
    front.candidates.iter().chain(&front.slow)
}

fn model(candidate: &Candidate, data: &Data) -> Model {
    let samples = trainer(0).samples(&data.examples());
    let quantized = Model::quantize(&candidate.spec, &candidate.floats, samples.view());
    quantized.expect("floats of a candidate").network
}

fn accuracy_of(candidate: &Candidate, data: &Data) -> f64 {
    let scores = model(candidate, data)
        .run_batch(data.inputs.view())
        .expect("scores");
    run::accuracy(&scores, &data.labels).expect("labels")
}

/// The part of the variance of the float network's scores that the integers miss.
fn missed<N: Network>(floats: &Floats, candidate: &Candidate, data: &Data) -> f64 {
    let targets = N::float_scores(floats, data.inputs.view()).expect("scores");
    let scores = model(candidate, data)
        .run_batch(data.inputs.view())
        .expect("scores");
    let own = Array2::from_shape_fn(targets.dim(), |(row, j)| scores[row].reals()[j]);
    let mean = targets.mean_axis(ndarray::Axis(0)).expect("rows");
    let squares = |errors: Array2<f64>| errors.mapv(|x| x * x).sum();
    squares(&own - &targets) / squares(&targets - &mean)
}

#[test]
fn a_network_is_cheaper_and_as_accurate() {
    let data = Data::new(400, 64, 3, 1);
    let floats = trained::<Image>(&data);
    let before = Image::quantize(&floats, data.inputs.view())
        .expect("its floats")
        .network;
    let seconds = before
        .plan(&PlanOptions::default())
        .expect("a plan")
        .predicted_seconds(2);
    let budget = seconds / 6.0;
    let search = Search::new()
        .with_trainer(trainer(8))
        .with_budget(budget)
        .with_threads(2);
    let front = cheaper::<Image>(&floats, &data, &search);
    let pareto = front.pareto();
    let best = pareto.last().expect("a network within the budget");
    assert!(best.seconds <= budget, "{} s of {budget}", best.seconds);
    let scores = before.run_batch(data.inputs.view()).expect("scores");
    let before = run::accuracy(&scores, &data.labels).expect("labels");
    assert!(
        best.accuracy >= before - 0.02,
        "{} of {before}",
        best.accuracy
    );
    // what is said of a candidate is what its floats quantize to
    for candidate in all(&front) {
        assert_eq!(accuracy_of(candidate, &data), candidate.accuracy);
    }
}

#[test]
fn changes_begin_with_nearly_the_same_function() {
    let data = Data::new(300, 64, 3, 2);
    let floats = trained::<Image>(&data);
    let search = Search::new().with_trainer(trainer(0)).with_budget(0.0);
    // what a declaration has in it, and the part of the variance that it may miss
    let kinds = [
        ("bits = 3))", "output = 1, phases = 16", 0.25),
        ("bits = 2))", "output = 1, phases = 16", 0.3),
        ("Relu", "AvgPool2d", 0.15),
        ("Relu", "Conv2d<1, 4, 4, 2>", 0.3),
        ("output = 3, table = 4", "MaxPool2d", 0.2),
    ];
    let pool = cheaper::<Image>(&floats, &data, &search.clone().with_changed(["pool"]));
    let relu = cheaper::<Image>(&floats, &data, &search.with_changed(["relu", "pool"]));
    for (one, other, most) in kinds {
        let mut own = all(&pool).chain(all(&relu)).filter(|own| {
            let text = own.spec.declaration(&[]);
            text.contains(one) && text.contains(other)
        });
        let own = own.next().expect("a change of this kind");
        let missed = missed::<Image>(&floats, own, &data);
        assert!(
            missed < most,
            "{missed} of the variance is missed by\n{}",
            own.spec.declaration(&[])
        );
    }
}

#[test]
fn only_fields_that_are_named_change() {
    let data = Data::new(200, 24, 3, 3);
    let floats = trained::<Deep>(&data);
    let search = Search::new().with_trainer(trainer(1)).with_budget(0.0);
    let front = cheaper::<Deep>(&floats, &data, &search.clone().with_changed(["tanh"]));
    assert!(all(&front).next().is_some());
    for candidate in all(&front) {
        let layers = candidate.spec.layers.iter().zip(&*Deep::SPEC.layers);
        let changed = layers.filter(|(own, declared)| own.op != declared.op);
        let changed: Vec<&str> = changed.map(|(own, _)| &*own.name).collect();
        assert!(
            changed.contains(&"tanh") && !changed.contains(&"relu"),
            "{changed:?}"
        );
        assert_eq!(candidate.spec.input, Deep::SPEC.input);
        // a `Wave` behind a `Relu` is trained as it is quantized
        assert_eq!(accuracy_of(candidate, &data), candidate.accuracy);
    }
    // with all fields, both end up changed
    let front = cheaper::<Deep>(&floats, &data, &search);
    let mut texts = all(&front).map(|own| own.spec.declaration(&[]));
    assert!(texts.any(|text| !text.contains("Relu") && !text.contains("Tanh")));

    let examples = data.examples();
    for field in ["first", "gelu"] {
        let search = Search::new().with_changed([field]);
        let error = search.cheaper(Deep::SPEC, &floats, &examples, &examples, |_| {
            ControlFlow::Continue(())
        });
        let Err(Error::Train(TrainError::NothingToChange { field: named, .. })) = error else {
            panic!("{error:?}");
        };
        assert_eq!(named, field);
    }
}

#[test]
fn what_a_convolution_in_groups_reads_stays() {
    let data = Data::new(200, 64, 3, 6);
    let floats = trained::<Depthwise>(&data);
    let search = Search::new().with_trainer(trainer(1)).with_budget(0.0);
    let front = cheaper::<Depthwise>(&floats, &data, &search);
    for candidate in all(&front) {
        assert!(candidate.spec.declaration(&[]).contains("relu: Relu"));
        assert_eq!(accuracy_of(candidate, &data), candidate.accuracy);
    }
    // the grouped convolution itself takes averages, and a wave reads it
    for text in ["each: Conv2d<4, 4, 4, 2, 1, 1, 4>", "elu: Wave"] {
        let mut all = all(&front).map(|own| own.spec.declaration(&[]));
        assert!(all.any(|own| own.contains(text)), "{text}");
    }
}

#[test]
fn a_network_within_the_budget_stays_as_it_is() {
    let data = Data::new(100, 24, 3, 4);
    let floats = trained::<Deep>(&data);
    let front = cheaper::<Deep>(&floats, &data, &Search::new());
    assert!(all(&front).next().is_none() && front.refused.is_empty());
}

#[test]
fn a_tuning_takes_cheaper_layers_where_widths_are_not_enough() {
    let data = Data::new(400, 64, 3, 5);
    let floats = trained::<Image>(&data);
    let tune = |tuner: Tuner<'_>| {
        let (rows, labels) = (data.inputs.view(), Some(&*data.labels));
        tuner
            .with_loss(0.05)
            .run(Image::SPEC, &[], &floats, rows, labels)
    };
    let tuner = Tuner::new().with_trials(64);
    let found = tune(tuner).expect("widths that keep the promise");
    let tuner = tuner.with_seconds(0.5 * found.seconds());
    let refused = tune(tuner).expect_err("no widths are that fast");
    assert!(
        matches!(refused, Error::Tune(TuneError::NotKept { .. })),
        "{refused}"
    );

    let cheaper = tune(tuner.with_cheaper(10)).expect("a wave is that fast");
    assert!(cheaper.seconds() <= 0.5 * found.seconds(), "{cheaper}");
    assert!(cheaper.promise.loss() <= 0.05, "{cheaper}");
    let text = cheaper.spec.declaration(&[]);
    assert!(text.contains("Wave") && !text.contains("MaxPool"), "{text}");
    assert!(cheaper.floats.is_some());
}
