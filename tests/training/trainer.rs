//! What is expected of a trainer.

use std::fs;

use fhe_nn_core::InputError;
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{
    Device, Examples, History, Optimizer, Precision, Schedule, Teacher, Trainer, accuracy,
};
use ndarray::Array2;

use super::{Data, Small, module};

fn trainer() -> Trainer<'static> {
    Trainer {
        epochs: 6,
        batch: 50,
        rate: 1e-2,
        seed: 9,
        augment: Some(&|input, copy, random| {
            use rand_chacha::rand_core::Rng;
            for (copy, &x) in copy.iter_mut().zip(input) {
                *copy = x + 0.05 * (random.next_u32() as f32 / u32::MAX as f32);
            }
        }),
        progress: false,
        ..Trainer::default()
    }
}

/// Fits a fresh module: its floats, and how it went.
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
    let other = Trainer {
        seed: 10,
        ..trainer()
    };
    assert_ne!(first.0, fitted(&other, &data).0);
}

#[test]
fn a_training_goes_on_where_it_was_interrupted() {
    let data = Data::new(400, 24, 3, 2);
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = Some(folder.path().join("small.checkpoint"));
    let whole = fitted(&trainer(), &data);
    // stops in the third epoch, as if the machine had
    let examples = data.examples();
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let interrupting = |inputs: &Array2<f32>| {
        use std::sync::atomic::Ordering::Relaxed;
        match steps.fetch_add(1, Relaxed) {
            20.. => Err(Error::NotCalibrated {
                network: String::new(),
                tensor: String::new(),
            }),
            _ => Ok(fhe_nn_core::train::Tensor::zeros(
                (inputs.nrows(), 3),
                fhe_nn_core::train::DType::F32,
                &Device::Cpu,
            )?),
        }
    };
    let teacher = |scores| {
        Some(Teacher {
            scores,
            weight: 0.0,
            temperature: 1.0,
        })
    };
    let broken = Trainer {
        checkpoint: checkpoint.clone(),
        teacher: teacher(&interrupting),
        ..trainer()
    };
    broken
        .fit(&mut module(), &examples, Some(&examples))
        .expect_err("it was interrupted");
    let zero = |inputs: &Array2<f32>| {
        let shape = (inputs.nrows(), 3);
        Ok(fhe_nn_core::train::Tensor::zeros(
            shape,
            fhe_nn_core::train::DType::F32,
            &Device::Cpu,
        )?)
    };
    let taken_up = Trainer {
        teacher: teacher(&zero),
        ..broken
    };
    assert_eq!(fitted(&taken_up, &data), whole);
    // and what is finished is finished
    assert_eq!(fitted(&taken_up, &data), whole);
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let data = Data::new(100, 24, 3, 3);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.checkpoint");
    let own = Trainer {
        epochs: 1,
        checkpoint: Some(path.clone()),
        ..trainer()
    };
    fitted(&own, &data);
    let refused = |trainer: &Trainer<'_>| {
        let examples = data.examples();
        let error = trainer
            .fit(&mut module(), &examples, Some(&examples))
            .expect_err("not this file");
        assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
        error.to_string()
    };
    let faster = Trainer {
        rate: 2e-2,
        ..own.clone()
    };
    assert!(refused(&faster).contains("other settings"));
    let whole = fs::read(&path).expect("written");
    for length in [0, 8, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("writable");
        assert!(refused(&own).contains("no checkpoint"));
    }
}

#[test]
fn it_stops_early_with_the_best_weights() {
    let data = Data::new(300, 24, 3, 4);
    // a rate of 0 never gets better
    let stopping = Trainer {
        epochs: 50,
        rate: 0.0,
        patience: Some(3),
        ..trainer()
    };
    let (_, history) = fitted(&stopping, &data);
    assert!(history.stopped);
    assert_eq!((history.epochs.len(), history.best), (4, 0));

    let mut module = module();
    let (training, validation) = (data.examples(), Data::new(300, 24, 3, 5));
    let validation = validation.examples();
    let wild = Trainer {
        epochs: 8,
        rate: 0.1,
        schedule: Schedule::Constant,
        ..trainer()
    };
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
    let sgd = Optimizer::Sgd { momentum: 0.9 };
    let wild = Trainer {
        rate: 1e30,
        optimizer: sgd,
        schedule: Schedule::Constant,
        ..trainer()
    };
    let examples = data.examples();
    let error = wild
        .fit(&mut module(), &examples, Some(&examples))
        .expect_err("no rate");
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
}

#[test]
fn a_float_teacher_is_the_network_of_its_floats() {
    let data = Data::new(400, 24, 3, 7);
    let examples = data.examples();
    let mut teacher = module();
    teacher.precision = Precision::Float;
    trainer()
        .fit(&mut teacher, &examples, Some(&examples))
        .expect("it learns");
    // the same scores as those of the quantizer's float network
    let trained = teacher
        .scores(&data.inputs)
        .expect("floats")
        .to_vec2::<f32>()
        .expect("scores");
    let floats = teacher.latent().expect("finite");
    let float = Small::float_scores(&floats, data.inputs.view()).expect("floats");
    for (trained, float) in trained.iter().flatten().zip(&float) {
        assert!(
            (f64::from(*trained) - float).abs() < 1e-3,
            "{trained} {float}"
        );
    }

    // post-training quantization is where a training from them begins
    let mut student = module();
    student.load(&floats, &data.inputs).expect("its own floats");
    let begins = accuracy(&student, &examples).expect("calibrated");
    let scores = |inputs: &Array2<f32>| teacher.scores(inputs);
    let distilled = Trainer {
        teacher: Some(Teacher {
            scores: &scores,
            weight: 0.5,
            temperature: 2.0,
        }),
        ..trainer()
    };
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
    let error = module().scores(&data.inputs).expect_err("no scales");
    assert!(
        error
            .to_string()
            .starts_with("`input` of `Small` has no scale yet"),
        "{error}"
    );
    let short = Array2::zeros((10, 23));
    let error = module().calibrate(&short).expect_err("too short");
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
