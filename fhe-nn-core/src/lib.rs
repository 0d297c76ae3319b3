//! Neural networks declared as ordinary structs, checked by the compiler, and run in the clear
//! and under TFHE with bit-identical results.
//!
//! ```
//! use fhe_nn_core::prelude::*;
//! use ndarray::{ArrayD, array};
//!
//! /// Whether two of three inputs are on.
//! #[fhe_network(input(shape = [3], bits = 1))]
//! struct Majority {
//!     #[bits(weights = 2)]
//!     sum: Dense<3, 1>,
//!     #[bits(output = 1)]
//!     most: Relu,
//!     #[bits(weights = 2)]
//!     answer: Dense<1, 1>,
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let mut floats = Floats::new();
//! floats.insert("sum.weight", array![[1.0, 1.0, 1.0]].into_dyn())?;
//! floats.insert("sum.bias", array![-1.0].into_dyn())?;
//! floats.insert("answer.weight", ArrayD::ones(vec![1, 1]))?;
//! let samples = array![[0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]];
//! let majority = Majority::quantize(&floats, samples.view())?.network;
//!
//! assert!(majority.run(&[1.0, 0.0, 1.0])?.reals()[0] > 0.5);
//! assert!(majority.run(&[1.0, 0.0, 0.0])?.reals()[0] < 0.5);
//! # Ok(())
//! # }
//! ```
//!
//! [`fhe_network`] documents the language, [`Network`] what a network can do. The encrypted half
//! (`ClientKey`, `EvaluationKey`, `Network::run_encrypted`) is behind the default feature `tfhe`;
//! without it declaring, checking, quantizing and running in the clear build in seconds.
//!
//! The feature `import` reads models from elsewhere, `import::load` for ONNX and [`Floats`] for npz files.
//! [`Embedded`] is a network whose model the compiler has read and proved.

// the macro expands to paths under `fhe_nn_core`; this makes them work in here too
extern crate self as fhe_nn_core;

pub mod backend;
pub mod clear;
#[cfg(feature = "client")]
mod client;
mod digits;
mod embedded;

#[cfg(feature = "engine")]
mod engine;
mod error;
mod file;
mod floats;
pub mod guide;
#[cfg(feature = "import")]
pub mod import;
pub mod layer;
#[cfg(any(feature = "client", feature = "engine"))]
mod masks;
mod model;
mod network;
#[cfg(feature = "import")]
mod npz;
mod parallel;
pub mod quantize;
mod reading;
pub mod run;
mod simulated;
mod sums;
#[cfg(feature = "train")]
pub mod train;
#[cfg(any(feature = "client", feature = "engine"))]
mod wire;

#[cfg(feature = "client")]
pub use client::ClientKey;
pub use embedded::Embedded;
#[cfg(feature = "engine")]
pub use engine::ServerKey;
pub use error::Error;
pub use fhe_nn_macros::fhe_network;
pub use fhe_nn_proof::client::{Affine, ClientSpec, InputError, Line, Scores, argmax};
pub use fhe_nn_proof::error::ModelError;
pub use fhe_nn_proof::graph;
pub use fhe_nn_proof::noise::{self, SECURITY_BITS};
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let plan = majority.plan(&PlanOptions::default())?;
/// println!("{plan}");
///
/// assert_eq!(plan.bootstraps(), 1);
/// assert!(plan.is_exact());
/// assert!(plan.log2_failure() < -127.0);
/// assert!(plan.predicted_seconds(1) < 1.0);
/// # Ok(())
/// # }
/// ```
pub use fhe_nn_proof::plan::Plan;
pub use fhe_nn_proof::plan::{self, PlanError, PlanOptions};
pub use fhe_nn_proof::rounding;
pub use fhe_nn_proof::spec::{self, Spec};
pub use fhe_nn_proof::widths;
pub use floats::Floats;

pub use layer::{
    Abs, Add, AvgPool1d, AvgPool2d, Celu, Concat, Conv1d, Conv2d, Custom, Dense, Elu, Embedding,
    Exp, Flatten, Gelu, GlobalAvgPool, GlobalMaxPool, HardSigmoid, HardSwish, HardTanh, Identity,
    LeakyRelu, MaxPool1d, MaxPool2d, Mish, Mul, Prelu, Relu, Relu6, Selu, Sigmoid, Sign, Silu,
    Softplus, Softsign, Square, Tanh, Threshold, Wave,
};
pub use model::Model;
pub use network::Network;
pub use quantize::{Calibration, Quantized};
#[cfg(feature = "engine")]
pub use run::{Execution, Profile, Progress, Work};
#[cfg(any(feature = "client", feature = "engine"))]
pub use wire::{EvaluationKey, Reply, Request};

/// The types of a plan, for the expansion of the macro.
#[doc(hidden)]
pub mod __plan {
    pub use fhe_nn_proof::client::{Affine, ClientSpec, Line};
    pub use fhe_nn_proof::noise::{Decomposition, Shape};
    pub use fhe_nn_proof::plan::{
        Bootstrap, InputPlan, OutputPlan, Plan, PlanOptions, Prefer, Round, Stage, Sums, Version,
    };
    pub use fhe_nn_proof::spec::{Encoding, Rounding, Tokens};
    pub use fhe_nn_proof::widths::{Lattice, Reader};
}

/// Everything that a program needs: the macro, every layer and the trait [`Network`].
pub mod prelude {
    #[cfg(feature = "client")]
    pub use crate::ClientKey;
    pub use crate::layer::{
        Abs, Add, AvgPool1d, AvgPool2d, Celu, Concat, Conv1d, Conv2d, Custom, Dense, Elu,
        Embedding, Exp, Flatten, Gelu, GlobalAvgPool, GlobalMaxPool, HardSigmoid, HardSwish,
        HardTanh, Identity, LeakyRelu, MaxPool1d, MaxPool2d, Mish, Mul, Prelu, Relu, Relu6, Selu,
        Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Threshold, Wave,
    };
    pub use crate::{
        Calibration, Embedded, Error, Floats, Model, Network, Plan, PlanOptions, Quantized, Scores,
        Spec, fhe_network,
    };
    #[cfg(any(feature = "client", feature = "engine"))]
    pub use crate::{EvaluationKey, Reply, Request};
    #[cfg(feature = "engine")]
    pub use crate::{Execution, ServerKey};
}

#[cfg(all(doctest, feature = "tfhe", feature = "train"))]
#[doc = include_str!("../../README.md")]
struct Readme;
