//! The options that a user may choose for a plan.

use serde::{Deserialize, Serialize};

/// Options of the search for parameters: the failure probability, and what to save.
///
/// ```
/// use fhe_nn_proof::plan::{PlanOptions, Prefer};
///
/// let options = PlanOptions::new()
///     .with_failure_bits(64.0)
///     .with_prefer(Prefer::SmallestKeys);
/// assert_eq!(options.failure_bits(), 64.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlanOptions {
    failure_bits: f64,
    prefer: Prefer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_limit: Option<u64>,
}

/// How to choose among the plans that keep every constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Prefer {
    /// The plan that runs fastest. It may take 1% more time to let stages share keys, 5% more to
    /// put the scores under a key of their own, which at least halves the reply, and 1% more for a
    /// reply that is smaller still.
    #[default]
    Fastest,
    /// The plan whose evaluation key has the fewest bytes on the wire, however long it runs; among
    /// equals the fastest.
    SmallestKeys,
}

impl PlanOptions {
    /// A failure probability of `2^-128`, like tfhe's own parameters, and the fastest plan.
    pub const fn new() -> Self {
        PlanOptions {
            failure_bits: 128.0,
            prefer: Prefer::Fastest,
            memory_limit: None,
        }
    }

    /// Each table and each score may fail with probability at most `2^-failure_bits`, 1 to 1024
    /// bits.
    ///
    /// Fewer bits make runs faster, and wrong results more likely. As soon as decrypted results
    /// flow back to the server in any form, this is also a security parameter: a server that sees
    /// which results were wrong learns about the noise, and thereby about the secret key. Such
    /// attacks (IND-CPA^D) are published for a probability of `2^-40`. Keep 128 bits then.
    pub const fn with_failure_bits(self, failure_bits: f64) -> Self {
        PlanOptions {
            failure_bits,
            ..self
        }
    }

    /// Sets what the search saves: time, or bytes of keys.
    pub const fn with_prefer(self, prefer: Prefer) -> Self {
        PlanOptions { prefer, ..self }
    }

    /// Sets how many bytes of a server's memory the expanded keys may take
    /// ([`Plan::evaluation_memory_bytes`](super::Plan::evaluation_memory_bytes)). By default there is no limit, and the
    /// fastest plan of a network with many wide tables may take gigabytes.
    ///
    /// The plan is the fastest that is found within the limit, or the one with the smallest keys; if the fastest plan
    /// exceeds it, the search takes about ten times as long. A server needs memory for weights, ciphertexts and the
    /// program besides.
    pub const fn with_memory_limit(self, bytes: u64) -> Self {
        PlanOptions {
            memory_limit: Some(bytes),
            ..self
        }
    }

    /// The number `b` for which each table and each score fails with probability at most `2^-b`.
    pub const fn failure_bits(&self) -> f64 {
        self.failure_bits
    }

    /// Most bytes of a server's memory that the expanded keys may take, if there is a limit.
    pub const fn memory_limit(&self) -> Option<u64> {
        self.memory_limit
    }

    /// What the search saves.
    pub const fn prefer(&self) -> Prefer {
        self.prefer
    }
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self::new()
    }
}
