//! What can go wrong, with the numbers inside.

use std::path::PathBuf;

use fhe_nn_proof::error::ProofError;

pub use fhe_nn_proof::client::InputError;
pub use fhe_nn_proof::error::ModelError;
pub use fhe_nn_proof::plan::PlanError;
pub use fhe_nn_proof::spec::FlowError;

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The real values are not an input of the network.
    #[error(transparent)]
    Input(#[from] fhe_nn_proof::client::InputError),
    /// A training failed, or cannot begin.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] crate::train::TrainError),
    /// A key could not be read or written.
    #[error("{what} could not be read or written: {source}")]
    Stream {
        /// What was read or written.
        what: &'static str,
        /// What the stream reports.
        source: std::io::Error,
    },
    /// The integers are not those of the declaration, or a file does not hold them.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There are no parameters for the network, or the plan has parameters that this crate would not choose.
    #[error(transparent)]
    Plan(#[from] fhe_nn_proof::plan::PlanError),
    /// A key or a ciphertext belongs to another network, or to another version of its weights.
    #[error("{what} was made for another network or plan than {of}")]
    WrongPlan {
        /// Names what was given.
        what: &'static str,
        /// Names what it does not belong to.
        of: &'static str,
    },
    /// A ciphertext was made under another key.
    #[error("{what} belongs to another key than {of}")]
    WrongKey {
        /// Names what was given.
        what: &'static str,
        /// Names what it does not belong to.
        of: &'static str,
    },
    /// A reply answers another request.
    #[error("the reply answers another request than the one at hand")]
    WrongRequest,
    /// A plan asks for larger keys than the caller allows.
    #[error(
        "the plan asks for an evaluation key of {bytes} bytes, but at most {limit} are allowed\n  = help: `ClientKey::generate_within` takes another limit"
    )]
    KeysTooLarge {
        /// Number of bytes of the evaluation key as it travels.
        bytes: u64,
        /// The greatest number of bytes that the caller allows.
        limit: u64,
    },
    /// The operating system has no randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Randomness(Box<dyn std::error::Error + Send + Sync>),
    /// The caller stopped an encrypted run.
    #[error("the run was cancelled")]
    Cancelled,
    /// Threads cannot be started.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// Number of threads that were asked for.
        threads: usize,
        /// Why they cannot be started.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Bytes are not what they should be.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it: what was found, and what was expected.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// What the operating system reports.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// What the operating system reports.
        source: std::io::Error,
    },
    /// Two tensors would have one name.
    #[error("two tensors would be called `{tensor}`")]
    TensorTwice {
        /// The name that both would have.
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
        /// Row of the sample, from 0.
        sample: usize,
        /// Position of the value in the sample.
        index: usize,
        /// The value, which is NaN or infinite.
        value: f32,
    },
    /// The percentile of a calibration would leave nothing of a range.
    #[error("percentile is {percentile}, but must be above 50 and at most 100")]
    Percentile {
        /// The percentile that was asked for.
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
