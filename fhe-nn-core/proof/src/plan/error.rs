//! Why a plan cannot be found, or is refused.

/// Why parameters do not exist, or why given ones are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No parameters of 132-bit security keep the noise of a layer below half a step.
    #[error(
        "no parameters of 132-bit security keep the {bits}-bit accumulators of `{layer}` exact at 2^-{failure_bits}: their weights have a 2-norm of {norm:.1}\n  = help: lower `accumulator` or `weights` of `{layer}`, or the number of its inputs; scales of more bits that came with the floats are found anew by `Calibration::new().with_requantize(true)`, or `fhe-nn import --requantize`"
    )]
    NoParameters {
        /// Name of the linear layer.
        layer: String,
        /// Bit-width of its widest accumulator.
        bits: u32,
        /// Greatest 2-norm of a neuron's weights.
        norm: f64,
        /// The failure probability that was asked for.
        failure_bits: f64,
    },
    /// No parameters that were found have keys that fit the memory.
    #[error(
        "no parameters were found whose keys fit {limit} bytes of a server's memory: those that take the least of it take {least} bytes\n  = help: allow them by `with_memory_limit({least})`, or `--memory-limit {megabytes}`, or lower the bit-widths of the widest tables",
        megabytes = least.div_ceil(1_000_000)
    )]
    Memory {
        /// The limit that was asked for.
        limit: u64,
        /// Bytes of memory of the plan that takes the least, of all that were tried.
        least: u64,
    },
    /// A parameter lies outside the range that [`Plan::find`](super::Plan::find) chooses from.
    #[error("plan has {what} {value}, but {least} to {most} are allowed")]
    OutOfRange {
        /// Name of the parameter.
        what: &'static str,
        /// Its value.
        value: u64,
        /// Least value.
        least: u64,
        /// Greatest value.
        most: u64,
    },
    /// The failure probability asked for is not a probability.
    #[error("failure_bits is {0}, but must lie in 1 to 1024")]
    FailureBits(f64),
}
