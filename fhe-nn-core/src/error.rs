//! What can go wrong, with the numbers inside.

use std::path::PathBuf;

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The integers handed to a network are not those of its declaration.
    #[error("the integers of the model are not those of the declared layers")]
    PartMissing,
    /// An input has another number of values than was declared.
    #[error("input has {actual} values, but `{network}` takes {expected}")]
    InputLength {
        /// Name of the network.
        network: String,
        /// Number of values that it takes.
        expected: usize,
        /// Number of values given.
        actual: usize,
    },
    /// An input value is not a number.
    #[error("input value {index} is {value}, but must be finite")]
    InputNotFinite {
        /// Position of the value.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A key that was read does not keep what it was read from.
    #[cfg(feature = "tfhe")]
    #[error(
        "evaluation key was read itself and did not keep the bytes\n  = help: send those on, or the key that the client made"
    )]
    KeyWasRead,
    /// A key could not be read or written.
    #[cfg(feature = "tfhe")]
    #[error("{what} could not be read or written: {source}")]
    Stream {
        /// Name of what travels.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// An accumulator is too wide for what reads it.
    #[error(
        "accumulator of neuron {neuron} of `{layer}` has {width} bits, but at most {limit} can be read encrypted\n  = help: lower `weights` of `{layer}`, or promise `accumulator = {limit}`"
    )]
    EncryptedWidth {
        /// Name of the linear layer.
        layer: String,
        /// First neuron that is too wide.
        neuron: usize,
        /// Width of its accumulator.
        width: u32,
        /// Greatest width.
        limit: u32,
    },
    /// Linear layers and activations do not alternate.
    #[error("`{layer}` breaks the order of a linear layer, an activation, .., a linear layer")]
    EncryptedOrder {
        /// Name of the layer.
        layer: String,
    },
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
        source: rayon::ThreadPoolBuildError,
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
    /// A file is larger than is read.
    #[error("the file has {bytes} bytes, but at most {limit} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// Bytes are no safetensors file, or a part of one.
    #[error("not a whole safetensors file: {0}")]
    NotSafetensors(safetensors::SafeTensorError),
    /// A tensor is missing.
    #[error("tensor `{tensor}` is missing")]
    TensorMissing {
        /// Name of the tensor.
        tensor: String,
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
    /// A model file has a tensor that its network has no use for.
    #[error("tensor `{tensor}` belongs to no layer of `{network}`")]
    TensorUnknown {
        /// Name of the tensor.
        tensor: String,
        /// Name of the network.
        network: String,
    },
    /// A tensor has another shape than its layer.
    #[error("tensor `{tensor}` needs shape {expected:?}, but has {actual:?}")]
    TensorShape {
        /// Name of the tensor.
        tensor: String,
        /// Shape that the layer takes.
        expected: Vec<usize>,
        /// Shape that it has.
        actual: Vec<usize>,
    },
    /// A tensor holds values of another type.
    #[error("tensor `{tensor}` needs type {expected}, but has {actual}")]
    TensorType {
        /// Name of the tensor.
        tensor: String,
        /// Types that are read.
        expected: &'static str,
        /// Type that it has.
        actual: String,
    },
    /// A value of a tensor is NaN or infinite.
    #[error("value {index} of tensor `{tensor}` is not finite")]
    TensorNotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Position of the value in row-major order.
        index: usize,
    },
    /// A real value of a tensor is outside its range.
    #[error("value {index} of tensor `{tensor}` is {value}, but {needs}")]
    TensorValue {
        /// Name of the tensor.
        tensor: String,
        /// Position of the value in row-major order.
        index: usize,
        /// The value.
        value: f64,
        /// What it should be.
        needs: &'static str,
    },
    /// An integer of a tensor is outside its range.
    #[error("integer {index} of tensor `{tensor}` is {value}, but must lie in [{lo}, {hi}]")]
    TensorInteger {
        /// Name of the tensor.
        tensor: String,
        /// Position of the integer in row-major order.
        index: usize,
        /// The integer.
        value: i64,
        /// Least allowed.
        lo: i64,
        /// Greatest allowed.
        hi: i64,
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
    /// A neuron does not keep the width that was promised for it.
    #[error(
        "accumulator of neuron {neuron} of `{layer}` needs {needs} bits, but {promised} are promised{}",
        more(*others)
    )]
    AccumulatorBreaks {
        /// Name of the layer.
        layer: String,
        /// The first neuron that breaks the promise.
        neuron: usize,
        /// Width that it needs.
        needs: u32,
        /// Width that was promised.
        promised: u32,
        /// How many neurons of the layer break it besides.
        others: usize,
    },
    /// Layers that do not fit together; the macro would not have accepted them.
    #[error("`{layer}` {source}")]
    Flow {
        /// Name of the layer.
        layer: String,
        /// Why.
        source: fhe_nn_proof::spec::FlowError,
    },
    /// An input that is no token.
    #[error(transparent)]
    NoToken(#[from] fhe_nn_proof::client::NoToken),
    /// A declaration that the macro would not have accepted.
    #[error("declaration of `{layer}` breaks the law: {law}")]
    Undeclarable {
        /// Name of the layer.
        layer: String,
        /// The law.
        law: &'static str,
    },
    /// A table is wider than the language allows.
    #[error("table of `{layer}` needs {bits} bits, but {limit} are allowed")]
    TableTooWide {
        /// Name of the activation.
        layer: String,
        /// Bits that it reads.
        bits: u32,
        /// Most bits that a table reads.
        limit: u32,
    },
    /// A file of weights is not a quantized model.
    #[error("not a quantized model: {reason}")]
    NotAModel {
        /// What is wrong with its metadata.
        reason: String,
    },
    /// A model file of a later version of this crate.
    #[error("the model has format {found}, but at most {newest} is known")]
    ModelVersion {
        /// Format of the file.
        found: u64,
        /// Newest format that is read.
        newest: u64,
    },
    /// The model is that of another network.
    #[error("the model is of another network than `{network}`: {difference}")]
    ModelDiffers {
        /// Name of the network.
        network: String,
        /// The first difference between the declarations.
        difference: String,
    },
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; so does 1 more neuron".to_owned(),
        _ => format!("; so do {others} more neurons"),
    }
}
