//! A network with its model inside of the program.

use crate::{Network, Planned};

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
