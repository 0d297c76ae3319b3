//! The trainer: seeds, checkpoints, early stopping, teachers, errors.

use std::fs;

use fhe_nn_core::error::{Error, InputError};
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{
    Examples, History, Optimizer, Precision, Schedule, Teacher, TrainError, Trainer, accuracy,
};
use ndarray::{Array2, ArrayView2};

use super::{Data, Small, module};

fn trainer() -> Trainer<'static> {
    Trainer::new()
        .with_epochs(6)
        .with_batch(50)
        .with_rate(1e-2)
        .with_seed(9)
        .with_augment(&|input, copy, random| {
            use rand_chacha::rand_core::Rng;
            for (copy, &x) in copy.iter_mut().zip(input) {
                *copy = x + 0.05 * (random.next_u32() as f32 / u32::MAX as f32);
            }
        })
        .with_progress(false)
}

/// Fits a fresh module, and returns its floats and the history.
fn fitted(trainer: &Trainer<'_>, data: &Data) -> (Floats, History) {
    let mut module = module();
    let examples = data.examples();
    let history = trainer
        .fit(&mut module, &examples, Some(&examples))
        .expect("it learns");
    (module.floats().expect("finite"), history)
}

#[test]
fn a_seed_gives_the_same_weights_again() {
    let data = Data::new(400, 24, 3, 1);
    let first = fitted(&trainer(), &data);
    assert_eq!(first, fitted(&trainer(), &data));
    let other = trainer().with_seed(10);
    assert_ne!(first.0, fitted(&other, &data).0);
}

#[test]
fn a_training_goes_on_where_it_was_interrupted() {
    let data = Data::new(400, 24, 3, 2);
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = folder.path().join("small.checkpoint");
    let whole = fitted(&trainer(), &data);
    // an error in the third epoch interrupts the training
    let examples = data.examples();
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let zero = |inputs: ArrayView2<'_, f32>| Ok(Array2::zeros((inputs.nrows(), 3)));
    let interrupting = |inputs: ArrayView2<'_, f32>| {
        use std::sync::atomic::Ordering::Relaxed;
        match steps.fetch_add(1, Relaxed) {
            20.. => Err(Error::Cancelled),
            _ => zero(inputs),
        }
    };
    let kept = trainer().with_checkpoint(checkpoint);
    let broken = kept
        .clone()
        .with_teacher(Teacher::new(&interrupting).with_weight(0.0));
    broken
        .fit(&mut module(), &examples, Some(&examples))
        .expect_err("it was interrupted");
    let resumed = kept.with_teacher(Teacher::new(&zero).with_weight(0.0));
    assert_eq!(fitted(&resumed, &data), whole);
    // a finished training stays as it is
    assert_eq!(fitted(&resumed, &data), whole);
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let data = Data::new(100, 24, 3, 3);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.checkpoint");
    let own = trainer().with_epochs(1).with_checkpoint(&path);
    fitted(&own, &data);
    let refused = |trainer: &Trainer<'_>| {
        let examples = data.examples();
        let error = trainer
            .fit(&mut module(), &examples, Some(&examples))
            .expect_err("not this file");
        assert!(
            matches!(error, Error::Train(TrainError::Checkpoint { .. })),
            "{error}"
        );
        error.to_string()
    };
    let faster = own.clone().with_rate(2e-2);
    assert!(refused(&faster).contains("other settings"));
    let whole = fs::read(&path).expect("written");
    for length in [0, 8, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("writable");
        assert!(refused(&own).contains("not a checkpoint"));
    }
}

#[test]
fn it_stops_early_with_the_best_weights() {
    let data = Data::new(300, 24, 3, 4);
    // with a rate of 0, accuracy never improves
    let stopping = trainer().with_epochs(50).with_rate(0.0).with_patience(3);
    let (_, history) = fitted(&stopping, &data);
    assert!(history.stopped);
    assert_eq!((history.epochs.len(), history.best), (4, 0));

    let mut module = module();
    let (training, validation) = (data.examples(), Data::new(300, 24, 3, 5));
    let validation = validation.examples();
    let wild = trainer()
        .with_epochs(8)
        .with_rate(0.1)
        .with_schedule(Schedule::Constant);
    let history = wild
        .fit(&mut module, &training, Some(&validation))
        .expect("it learns");
    let kept = accuracy(&module, &validation).expect("calibrated");
    assert_eq!(Some(kept), history.accuracy());
    assert!(
        history
            .epochs
            .iter()
            .all(|epoch| epoch.accuracy <= Some(kept))
    );
}

#[test]
fn it_says_where_it_diverged() {
    let data = Data::new(100, 24, 3, 6);
    let wild = trainer()
        .with_rate(1e30)
        .with_optimizer(Optimizer::Sgd { momentum: 0.9 })
        .with_schedule(Schedule::Constant);
    let examples = data.examples();
    let error = wild
        .fit(&mut module(), &examples, Some(&examples))
        .expect_err("no rate");
    assert!(
        matches!(error, Error::Train(TrainError::Diverged { .. })),
        "{error}"
    );
}

#[test]
fn a_float_teacher_is_the_network_of_its_floats() {
    let data = Data::new(400, 24, 3, 7);
    let examples = data.examples();
    let mut teacher = module().with_precision(Precision::Float);
    trainer()
        .fit(&mut teacher, &examples, Some(&examples))
        .expect("it learns");
    // its scores are those of the quantizer's float network
    let trained = teacher.scores(data.inputs.view()).expect("floats");
    let floats = teacher.latent().expect("finite");
    let float = Small::float_scores(&floats, data.inputs.view()).expect("floats");
    for (trained, float) in trained.iter().zip(&float) {
        assert!(
            (f64::from(*trained) - float).abs() < 1e-3,
            "{trained} {float}"
        );
    }

    // a training from these floats begins with post-training quantization
    let mut student = module();
    student
        .load(&floats, data.inputs.view())
        .expect("its own floats");
    let begins = accuracy(&student, &examples).expect("calibrated");
    let scores = |inputs: ArrayView2<'_, f32>| teacher.scores(inputs);
    let distilled = trainer().with_teacher(Teacher::new(&scores));
    let history = distilled
        .fit(&mut student, &examples, Some(&examples))
        .expect("it learns");
    assert!(history.accuracy() >= Some(begins));
}

#[test]
fn curves_are_drawn() {
    let data = Data::new(100, 24, 3, 8);
    let (_, history) = fitted(&trainer(), &data);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("curves.svg");
    history.save_svg(&path).expect("writable");
    let text = fs::read_to_string(&path).expect("written");
    assert_eq!(text.matches("<circle").count(), 2 * history.epochs.len());
}

#[test]
fn mistakes_are_named() {
    let data = Data::new(10, 24, 3, 10);
    let error =
        Examples::new(data.inputs.view(), &data.labels[1..]).expect_err("a label is missing");
    assert_eq!(
        error.to_string(),
        "10 inputs have 9 labels, but each has one"
    );
    let error = module().scores(data.inputs.view()).expect_err("no scales");
    assert!(
        error
            .to_string()
            .starts_with("`input` of `Small` has no scale yet"),
        "{error}"
    );
    let short = Array2::zeros((10, 23));
    let error = module().calibrate(short.view()).expect_err("too short");
    assert!(
        matches!(
            error,
            Error::Input(InputError::Length {
                expected: 24,
                actual: 23,
                ..
            })
        ),
        "{error}"
    );
}
