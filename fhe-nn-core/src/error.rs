//! What can go wrong, with the numbers inside.

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
    /// A table that is narrower than its accumulator runs in the clear only.
    #[error(
        "table of `{layer}` reads {table} of the {width} bits of neuron {neuron}, but the encrypted engine reads whole accumulators\n  = help: run it in the clear, or narrow the accumulators to {table} bits with fewer bits of weights or inputs"
    )]
    EncryptedDrop {
        /// Name of the activation.
        layer: String,
        /// First neuron with dropped bits.
        neuron: usize,
        /// Width of its accumulator.
        width: u32,
        /// Width of its table.
        table: u32,
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
    /// Bytes that are not what they should be.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong, with both numbers.
        reason: String,
    },
}
