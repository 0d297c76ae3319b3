//! What can go wrong, with the numbers inside.

use std::path::PathBuf;

use fhe_nn_proof::error::ProofError;
use fhe_nn_proof::plan::Fingerprint;

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
    /// No bit-widths are found that keep what was asked for.
    #[cfg(feature = "tune")]
    #[error(transparent)]
    Tune(#[from] crate::tune::TuneError),
    /// Labels do not go with the rows or the network.
    #[error("labels cannot be used: {reason}")]
    Labels {
        /// What does not go together, with both numbers.
        reason: String,
    },
    /// A key or a message could not be read or written.
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
    /// A client key was made for another network or plan.
    #[error(
        "the client key was made for `{key}` (plan {}), but this is `{network}` (plan {})",
        short(key_plan),
        short(plan)
    )]
    KeyOfAnotherPlan {
        /// The network that the key was made for.
        key: String,
        /// Fingerprint of the plan that the key was made for.
        key_plan: Fingerprint,
        /// The network at hand.
        network: String,
        /// Fingerprint of the plan at hand.
        plan: Fingerprint,
    },
    /// A file or message has a format of a later version.
    #[error(
        "{what} has format version {version}, but this program reads versions up to {known}\n  = help: it was written by a newer fhe-nn: update this program"
    )]
    NewerVersion {
        /// What was read.
        what: &'static str,
        /// Its version.
        version: u32,
        /// The newest version that is read.
        known: u32,
    },
    /// A passphrase does not open a client key.
    #[cfg(feature = "passphrase")]
    #[error("the passphrase is not that of the client key of `{network}`, or the key was altered")]
    Passphrase {
        /// The network that the key was made for.
        network: String,
    },
    /// A client key is protected in another way than the caller says.
    #[cfg(feature = "client")]
    #[error("the client key of `{network}` {}", protected(found))]
    Protection {
        /// The network that the key was made for.
        network: String,
        /// How the key is protected.
        found: crate::Protection,
    },
    /// A file has no rows of inputs, or rows that do not fit together.
    #[cfg(feature = "import")]
    #[error("rows of inputs cannot be read: {reason}")]
    Rows {
        /// What is wrong, and where.
        reason: String,
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
    /// The caller stopped a long job: an encrypted run, or the making or expanding of a key.
    #[error("the job was cancelled")]
    Cancelled,
    /// Threads cannot be started.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// Number of threads that were asked for.
        threads: usize,
        /// Why they cannot be started.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file is one of another kind, which its first bytes tell.
    #[error("this is {found}, not {wanted}\n  = help: {help}")]
    AnotherKind {
        /// What the file is.
        found: &'static str,
        /// What was wanted.
        wanted: &'static str,
        /// What reads such a file, or what to make of it.
        help: &'static str,
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
    /// Tensors belong to no field, so what they stand for would be left out.
    #[error(
        "{}; `{network}` reads {}\n  = help: `Floats::renamed` gives tensors the names of fields, and \
         `Floats::without` leaves some out; batch normalization goes into weights by an ONNX export and `import`",
        belonging(unused),
        list(wanted)
    )]
    TensorsUnused {
        /// Name of the network.
        network: String,
        /// The tensors that no field reads.
        unused: Vec<String>,
        /// The weights that its fields read.
        wanted: Vec<String>,
    },
    /// A file cannot be used.
    #[error("{what} `{}`: {source}", path.display())]
    File {
        /// What the file should be.
        what: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
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
    /// A scale that comes with the floats has more levels than the declared width.
    #[error(
        "`{tensor}` is a scale of {needs} bits, but `{field}` declares `{key} = {declared}`, whose levels would cut values off\n  = help: declare `{key} = {needs}`, or quantize anew: `Calibration::new().with_requantize(true)`, or `fhe-nn import --requantize` with other widths"
    )]
    KeptScale {
        /// Name of the scale among the floats.
        tensor: String,
        /// Name of the field, or `input`.
        field: String,
        /// The key of the declaration that has the width.
        key: &'static str,
        /// The declared width.
        declared: u32,
        /// The least width that fits.
        needs: u32,
    },
    /// A neuron does not keep the width that was promised for it, but would without the inputs that never change.
    #[error(
        "{source}; inputs of `{layer}` that never change over the samples: {constants}\n  = help: the promise holds without their weights: `Calibration::new().with_drop_constants(true)`, or `fhe-nn quantize --drop-constants`"
    )]
    PromiseOfConstants {
        /// Name of the layer.
        layer: String,
        /// Number of inputs of the layer that never change.
        constants: usize,
        /// The promise that is broken.
        source: ModelError,
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

/// Returns the beginning of a fingerprint, which is enough to tell two apart.
fn short(fingerprint: &Fingerprint) -> String {
    hex::encode(&fingerprint[..8])
}

#[cfg(feature = "client")]
fn protected(found: &crate::Protection) -> &'static str {
    match found {
        crate::Protection::None => "is not protected by a passphrase",
        crate::Protection::Passphrase => "is protected by a passphrase",
    }
}

fn belonging(tensors: &[String]) -> String {
    match tensors {
        [one] => format!("tensor `{one}` belongs to no field"),
        all => format!("{} tensors belong to no field: {}", all.len(), list(all)),
    }
}

/// The first of many names.
fn list(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut text: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() > MOST {
        text.push(format!("and {} more", names.len() - MOST));
    }
    text.join(", ")
}
