//! What can go wrong in training, with the numbers inside.

use std::error::Error as StdError;
use std::path::PathBuf;

use fhe_nn_proof::error::ModelError;

/// An error of training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A tensor operation failed.
    #[error("training: {0}")]
    TensorOperation(#[source] Box<dyn StdError + Send + Sync>),
    /// A module is to compute with integers whose scale is not known yet.
    #[error(
        "`{tensor}` of `{network}` has no scale yet\n  = help: call `calibrate` with samples of the inputs first, as `Trainer::fit` does"
    )]
    NotCalibrated {
        /// Name of the network.
        network: String,
        /// Name of the field, or `input`.
        tensor: String,
    },
    /// The number of labels is not the number of inputs.
    #[error("{inputs} inputs have {labels} labels, but each has one")]
    LabelCount {
        /// Number of inputs.
        inputs: usize,
        /// Number of labels.
        labels: usize,
    },
    /// There are no examples to learn from, or none to validate on.
    #[error("`{network}` learns from examples and is compared on some, but there are none")]
    NoExamples {
        /// Name of the network.
        network: String,
    },
    /// The network has no score for the class of an example.
    #[error(
        "example {example} is of class {class}, but `{network}` has {scores} scores, of classes from 0"
    )]
    ClassWithoutScore {
        /// Name of the network.
        network: String,
        /// Index of the example, from 0.
        example: usize,
        /// Its class.
        class: u32,
        /// Number of scores.
        scores: usize,
    },
    /// The loss is infinite or NaN.
    #[error(
        "the loss of `{network}` is not finite in epoch {epoch}\n  = help: lower the trainer's `rate`"
    )]
    Diverged {
        /// Name of the network.
        network: String,
        /// The epoch, from 1.
        epoch: usize,
    },
    /// A family varies a number that the field does not have.
    #[error("`{field}` of `{network}` has no {number} to vary")]
    NothingToVary {
        /// Name of the network.
        network: String,
        /// Name of the field.
        field: String,
        /// Name of the number that the field does not have.
        number: &'static str,
    },
    /// A network is to become cheaper by a field that has nothing to change.
    #[error(
        "`{field}` of `{network}` cannot be made cheaper: it is not a pool or an activation, or a `Wave` or `Sign` already\n  = help: name other fields, or none to change any of them"
    )]
    NothingToChange {
        /// Name of the network.
        network: String,
        /// Name of the field.
        field: String,
    },
    /// A network is to become cheaper that has a function of its own, which no floats have.
    #[error(
        "`{field}` of `{network}` is `Custom`, and a search does not have its function\n  = help: declare a built-in activation in its place"
    )]
    CustomFunction {
        /// Name of the network.
        network: String,
        /// Name of the field.
        field: String,
    },
    /// A file is not a checkpoint of this training.
    #[error(
        "`{}` cannot be resumed: {reason}\n  = help: remove the file to begin the training anew",
        path.display()
    )]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why the training cannot go on from it.
        reason: &'static str,
    },
}

/// An error inside of training. It takes errors of candle by `?`, which [`crate::Error`] does not, because then
/// candle's version would be a part of this crate's interface.
pub(crate) enum Failure {
    /// A tensor operation failed.
    TensorOperation(candle_core::Error),
    /// Anything else.
    Other(crate::Error),
}

impl From<Failure> for crate::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TensorOperation(error) => tensor_operation(error),
            Failure::Other(error) => error,
        }
    }
}

impl From<candle_core::Error> for Failure {
    fn from(error: candle_core::Error) -> Self {
        Failure::TensorOperation(error)
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Failure::Other(error)
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        Failure::Other(error.into())
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Failure::Other(error.into())
    }
}

/// Converts an error of candle.
pub(crate) fn tensor_operation(error: candle_core::Error) -> crate::Error {
    TrainError::TensorOperation(error.into()).into()
}
