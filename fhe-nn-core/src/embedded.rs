//! A network with its model inside of the program.

use fhe_nn_proof::plan::{Fingerprint, Plan};

use crate::Network;

/// A network whose model the compiler has read and proved: `#[fhe_network(weights = "..", ..)]`.
///
/// Implemented by the macro.
pub trait Embedded: Network {
    /// The model file, as it was when the program was compiled.
    const MODEL: &'static [u8];

    /// Its parameters, found by the compiler: a client and a server that are built from the same
    /// declaration and model have the same.
    const PLAN: Planned;

    /// The network. It needs no file, and cannot fail: the compiler has read the same bytes.
    fn embedded() -> Self {
        Self::from_bytes(Self::MODEL).expect("the compiler has read and proved the model")
    }
}

/// What the compiler knows of the parameters of an encrypted run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned {
    /// Bootstraps of one inference.
    pub bootstraps: u32,
    /// Logarithm of a bound on the probability that anything in an inference is wrong.
    pub log2_failure: f64,
    /// Bytes of the evaluation key on the wire.
    pub evaluation_key_bytes: u64,
    /// Bytes of a request.
    pub request_bytes: u64,
    /// Bytes of a reply.
    pub reply_bytes: u64,
    /// SHA-256 over the declaration and the integers of the model.
    pub fingerprint: Fingerprint,
    /// The plan, as it is serialized.
    #[doc(hidden)]
    pub json: &'static str,
}

impl Planned {
    /// Stands in for the plan of a network that did not compile.
    #[doc(hidden)]
    pub const ABSENT: Planned = Planned {
        bootstraps: 0,
        log2_failure: 0.0,
        evaluation_key_bytes: 0,
        request_bytes: 0,
        reply_bytes: 0,
        fingerprint: [0; 32],
        json: "",
    };

    /// All parameters: what a client makes its keys from.
    pub fn plan(&self) -> Plan {
        serde_json::from_str(self.json).expect("the compiler has written a plan")
    }
}
