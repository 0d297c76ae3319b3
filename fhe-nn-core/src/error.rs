//! What can go wrong, with the numbers inside.

use std::path::PathBuf;

use fhe_nn_proof::error::{ModelError, ProofError};

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Real values that are not an input of the network.
    #[error(transparent)]
    Input(#[from] fhe_nn_proof::client::InputError),
    /// A key that was read does not keep what it was read from.
    #[cfg(feature = "tfhe")]
    #[error(
        "evaluation key was read itself and did not keep the bytes\n  = help: send those on, or the key that the client made"
    )]
    KeyWasRead,
    /// A tensor operation of a training failed.
    #[cfg(feature = "train")]
    #[error("training: {0}")]
    Tensors(#[from] candle_core::Error),
    /// A module computes with integers whose meaning it does not know.
    #[cfg(feature = "train")]
    #[error(
        "`{tensor}` of `{network}` has no scale yet\n  = help: call `calibrate` with samples of the inputs first, as `Trainer::fit` does"
    )]
    NotCalibrated {
        /// Name of the network.
        network: String,
        /// Name of the field, or `input`.
        tensor: String,
    },
    /// There are not as many labels as inputs.
    #[cfg(feature = "train")]
    #[error("{inputs} inputs have {labels} labels, but each has one")]
    Labels {
        /// Number of inputs.
        inputs: usize,
        /// Number of labels.
        labels: usize,
    },
    /// There is nothing to learn from, or to compare on.
    #[cfg(feature = "train")]
    #[error("`{network}` learns from examples and is compared on some, but there are none")]
    NoExamples {
        /// Name of the network.
        network: String,
    },
    /// A label is no class of the network.
    #[cfg(feature = "train")]
    #[error(
        "example {example} is of class {label}, but `{network}` has {scores} scores, of classes from 0"
    )]
    Label {
        /// Name of the network.
        network: String,
        /// The example, from 0.
        example: usize,
        /// Its class.
        label: u32,
        /// Number of scores.
        scores: usize,
    },
    /// The loss is no number any more.
    #[cfg(feature = "train")]
    #[error(
        "the loss of `{network}` is no finite number in epoch {epoch}\n  = help: lower `rate` of the trainer"
    )]
    Diverged {
        /// Name of the network.
        network: String,
        /// Epoch, from 1.
        epoch: usize,
    },
    /// A field of a family has no such number.
    #[cfg(feature = "train")]
    #[error("`{field}` of `{network}` has no {number} to vary")]
    Varied {
        /// Name of the network.
        network: String,
        /// Name of the field.
        field: String,
        /// What it does not have.
        number: &'static str,
    },
    /// A file does not hold the training that would go on from it.
    #[cfg(feature = "train")]
    #[error(
        "`{}` cannot be taken up: {reason}\n  = help: remove the file, and the training begins anew",
        path.display()
    )]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A key could not be read or written.
    #[cfg(feature = "tfhe")]
    #[error("{what} could not be read or written: {source}")]
    Stream {
        /// Name of what travels.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Integers that are not those of the declaration, or a file that does not hold them.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No parameters, or parameters that are not those of this crate.
    #[error(transparent)]
    Plan(#[from] fhe_nn_proof::plan::PlanError),
    /// A key or a ciphertext belongs to another network, or to another version of its weights.
    #[error("{what} was made for another network or plan than {of}")]
    WrongPlan {
        /// What was given.
        what: &'static str,
        /// What it does not go with.
        of: &'static str,
    },
    /// A ciphertext was made under another key.
    #[error("{what} belongs to another key than {of}")]
    WrongKey {
        /// What was given.
        what: &'static str,
        /// What it does not go with.
        of: &'static str,
    },
    /// The caller stopped an encrypted run.
    #[error("the run was cancelled")]
    Cancelled,
    /// Threads cannot be started.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Bytes that are not what they should be.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong, with both numbers.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Two tensors would have one name.
    #[error("two tensors would be called `{tensor}`")]
    TensorTwice {
        /// The name.
        tensor: String,
    },
    /// A tensor has a name that means something else in a file.
    #[error("tensor `{tensor}` needs another name: safetensors files keep this one for themselves")]
    TensorReserved {
        /// Name of the tensor.
        tensor: String,
    },
    /// A value of a tensor is NaN or infinite.
    #[error("value {index} of tensor `{tensor}` is not finite")]
    TensorNotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Position of the value in row-major order.
        index: usize,
    },
    /// There is nothing to calibrate on.
    #[error("`{network}` is calibrated on samples, but there are none")]
    NoSamples {
        /// Name of the network.
        network: String,
    },
    /// A value of a calibration sample is NaN or infinite.
    #[error("value {index} of sample {sample} is {value}, but must be finite")]
    SampleNotFinite {
        /// Row of the sample.
        sample: usize,
        /// Position of the value.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A percentile that keeps no range.
    #[error("percentile is {percentile}, but must be above 50 and at most 100")]
    Percentile {
        /// The percentile.
        percentile: f64,
    },
    /// The float network itself overflows on the samples.
    #[error("real values of `{layer}` or their squares are not finite on the samples")]
    RealNotFinite {
        /// Name of the layer.
        layer: String,
    },
}

impl From<ProofError> for Error {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Model(error) => error.into(),
            ProofError::Plan(error) => error.into(),
        }
    }
}
