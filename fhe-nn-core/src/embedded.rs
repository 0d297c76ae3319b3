//! A network with its model inside the program.

use fhe_nn_proof::plan::Plan;

use crate::Network;

/// A network whose model the compiler has read and proved: `#[fhe_network(weights = "..", ..)]`.
///
/// The macro implements this trait.
pub trait Embedded: Network {
    /// The model file, as it was when the program was compiled.
    const MODEL: &'static [u8];

    /// The parameters, found by the compiler. A client and a server that are built from the same
    /// declaration and model have the same plan.
    ///
    /// Its numbers are constants. A program can refuse to compile if they are not what it expects:
    ///
    /// ```
    /// # use fhe_nn_core::{Plan, Embedded};
    /// # #[allow(dead_code)]
    /// fn assert<N: Embedded>() {
    ///     const { assert!(N::PLAN.bootstraps() <= 100 && N::PLAN.is_exact()) }
    /// }
    /// ```
    const PLAN: &'static Plan;

    /// Returns the network. It needs no file and cannot fail, because the compiler has read the same bytes.
    fn embedded() -> Self {
        Self::from_bytes(Self::MODEL).expect("the compiler has read and proved the model")
    }
}
