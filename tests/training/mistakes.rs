//! A user's mistakes: each is an error or has a meaning, never a panic or a silently worse network.

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{
    Device, Examples, Family, Number, Precision, TrainError, Trainable, Trainer, accuracy,
};
use ndarray::Array2;

use super::{Data, Small, module};

fn trainer() -> Trainer<'static> {
    Trainer::new()
        .with_epochs(3)
        .with_batch(50)
        .with_rate(1e-2)
        .with_progress(false)
}

#[test]
fn no_examples() {
    let data = Data::new(100, 24, 3, 1);
    let (some, none) = (data.examples(), Array2::zeros((0, 24)));
    let none = Examples::new(none.view(), &[]).expect("no label for no input");
    for (training, validation) in [(&some, &none), (&none, &some)] {
        let error = trainer().fit(&mut module(), training, Some(validation));
        assert!(
            matches!(error, Err(Error::Train(TrainError::NoExamples { .. }))),
            "{error:?}"
        );
    }
}

#[test]
fn a_class_without_a_score() {
    let mut data = Data::new(100, 24, 3, 2);
    data.labels[7] = 3;
    let (wrong, right) = (data.examples(), Data::new(100, 24, 3, 2));
    for (training, validation) in [(&wrong, &right.examples()), (&right.examples(), &wrong)] {
        let error = trainer()
            .fit(&mut module(), training, Some(validation))
            .expect_err("there are three scores");
        assert_eq!(
            error.to_string(),
            "example 7 is of class 3, but `Small` has 3 scores, of classes from 0"
        );
    }
}

#[test]
fn a_patience_or_a_batch_of_nothing() {
    let data = Data::new(100, 24, 3, 3);
    let examples = data.examples();
    let hasty = trainer().with_patience(0).with_batch(0);
    let history = hasty
        .fit(&mut module(), &examples, Some(&examples))
        .expect("it learns");
    assert!(!history.epochs.is_empty());
}

#[test]
fn a_checkpoint_of_other_weights_or_samples() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = trainer().with_checkpoint(folder.path().join("small.checkpoint"));
    let (data, others) = (Data::new(100, 24, 3, 4), Data::new(100, 24, 3, 5));
    kept.fit(&mut module(), &data.examples(), None)
        .expect("it learns");
    let mut other = Trainable::new(Small::SPEC, Vec::new(), &Device::Cpu, 1).expect("a network");
    for (module, examples) in [
        (&mut other, data.examples()),
        (&mut module(), others.examples()),
    ] {
        let refused = kept.fit(module, &examples, None);
        assert!(
            matches!(refused, Err(Error::Train(TrainError::Checkpoint { .. }))),
            "{refused:?}"
        );
    }
    kept.fit(&mut module(), &data.examples(), None)
        .expect("its own");
}

/// Random weights have other scales than trained ones.
#[test]
fn floats_of_a_float_network_bring_no_scales() {
    let mut data = Data::new(400, 24, 3, 6);
    data.inputs *= 10.0;
    let examples = data.examples();
    let mut float = module().with_precision(Precision::Float);
    trainer()
        .fit(&mut float, &examples, Some(&examples))
        .expect("it learns");
    let floats = float.latent().expect("finite");
    let names: Vec<&str> = floats.iter().map(|(name, _)| name).collect();
    assert!(
        names
            .iter()
            .all(|name| !name.ends_with("scale") && !name.ends_with("zero_point")),
        "{names:?}"
    );
    let mut module = module();
    module
        .load(&floats, data.inputs.view())
        .expect("its own floats");
    accuracy(&module, &examples).expect("calibrated");
}

#[test]
fn a_family_of_impossible_numbers() {
    use Number::{Kernel, Weights};

    #[fhe_network(input(shape = [2, 6, 6], bits = 4))]
    struct Windows {
        #[bits(weights = 4, accumulator = 7, overflow = wrap)]
        conv: Conv2d<2, 4, 3, 1, 1>,
        #[bits(output = 3)]
        wave: Wave,
        greatest: AvgPool2d<2>,
        #[bits(output = 3, table = 5)]
        relu: Relu,
        #[bits(weights = 4)]
        scores: Dense<36, 3>,
    }

    for field in ["input", "conv", "wave", "relu", "scores"] {
        for number in Number::ALL {
            for value in [0, 1, 7, 31, 32, 33, 63, 64, 65, 1 << 20, u32::MAX] {
                // a field without the number is an error; any other combination is a member or left out
                if let Ok(members) = Family::new(Windows::SPEC)
                    .vary(field, number, [value])
                    .members()
                {
                    assert!(members.iter().all(|member| member.flow().is_ok()));
                }
            }
        }
    }
    let mut wide = Family::new(Windows::SPEC).vary("conv", Kernel, [3, 31]);
    assert_eq!(wide.members().expect("a window").len(), 1);
    wide = Family::new(Windows::SPEC).vary("scores", Weights, [0, 4]);
    assert_eq!(wide.members().expect("weights").len(), 1);
}
