//! Neural networks declared as ordinary structs, checked by the compiler, and run in the clear
//! and under TFHE with bit-identical results.

// the macro expands to paths under `fhe_nn_core`; this makes them work in here too
extern crate self as fhe_nn_core;

pub mod backend;
pub mod clear;
mod error;
mod file;
mod floats;
pub mod graph;
pub mod layer;
mod model;
mod network;
pub mod quantize;

pub use error::Error;
pub use fhe_nn_macros::fhe_network;
pub use fhe_nn_proof::client::{Affine, ClientSpec, Scores};
pub use fhe_nn_proof::spec::{self, Spec};
pub use fhe_nn_proof::widths;
pub use floats::Floats;
pub use layer::{Dense, Identity, Relu, Sigmoid, Sign, Tanh, Wave};
pub use network::Network;
pub use quantize::{Calibration, Quantized};

/// Everything that a program needs: the macro, every layer and the trait [`Network`].
pub mod prelude {
    pub use crate::{
        Calibration, Dense, Error, Floats, Identity, Network, Quantized, Relu, Sigmoid, Sign, Spec,
        Tanh, Wave, fhe_network,
    };
}
