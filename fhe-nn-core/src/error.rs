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
}
