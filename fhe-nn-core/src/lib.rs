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
//! # fn main() -> Result<(), fhe_nn_core::Error> {
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
//! [`fhe_network`] documents the language, [`Network`] what a declared network can do, [`Model`] what a
//! network can do that is known only when the program runs. The [`guide`] leads from an ONNX file to an
//! encrypted answer, and says what costs time and what is secure.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `client` | secret keys, encrypting, decrypting: `ClientKey` | yes |
//! | `engine` | encrypted runs: `ServerKey`, `Model::run_encrypted`; nothing that decrypts | yes |
//! | `tfhe` | both | yes |
//! | `passphrase` | client keys in files under a passphrase, by age | no |
//! | `parallel` | all cores; without it everything runs on the caller's thread | yes |
//! | `import` | models from ONNX files, weights from npz files | no |
//! | `tune` | bit-widths found for you, and plots | no |
//! | `train` | training of declared networks, on candle; implies `tune` | no |
//!
//! Without default features, declaring, checking, quantizing and running in the clear build in seconds.

// the macro expands to paths under `fhe_nn_core`; this makes them work in here too
extern crate self as fhe_nn_core;

mod backend;
mod clear;
#[cfg(feature = "client")]
mod client;
mod digits;
mod embedded;
#[cfg(feature = "engine")]
mod engine;
pub mod error;
mod file;
mod floats;
pub mod guide;
mod half;
#[cfg(feature = "import")]
pub mod import;
mod kind;
// one half alone computes with some of the operations
#[cfg(any(feature = "client", feature = "engine"))]
#[cfg_attr(not(all(feature = "client", feature = "engine")), allow(dead_code))]
mod lanes;
pub mod layer;
#[cfg(any(feature = "client", feature = "engine"))]
mod masks;
mod model;
mod network;
#[cfg(feature = "import")]
mod npy;
#[cfg(feature = "import")]
mod npz;
mod parallel;
pub mod plan;
#[cfg(feature = "tune")]
pub mod plot;
pub mod quantize;
mod reading;
#[cfg(feature = "import")]
pub mod rows;
pub mod run;
mod simulated;
mod sums;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "tune")]
pub mod tune;
#[cfg(any(feature = "client", feature = "engine", feature = "tune"))]
mod watch;
#[cfg(any(feature = "client", feature = "engine"))]
mod wire;

#[cfg(feature = "passphrase")]
pub use client::Passphrase;
#[cfg(feature = "client")]
pub use client::{ClientKey, Protection, StoredKey};
pub use embedded::Embedded;
#[cfg(feature = "engine")]
pub use engine::ServerKey;
pub use error::Error;
pub use fhe_nn_macros::fhe_network;
/// The arithmetic on which the macro and this crate agree. The macro expands to paths in it; it comes with no
/// promise to stay as it is.
#[doc(hidden)]
pub use fhe_nn_proof as proof;
pub use fhe_nn_proof::client::Scores;
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
pub use fhe_nn_proof::plan::PlanOptions;
pub use fhe_nn_proof::spec::{self, Spec};
pub use floats::Floats;
pub use model::Model;
/// Arrays at the API are those of this crate.
pub use ndarray;
pub use network::Network;
pub use quantize::{Calibration, Quantized};
#[cfg(feature = "engine")]
pub use run::Execution;
#[cfg(any(feature = "client", feature = "engine"))]
pub use wire::{Description, EvaluationKey, KeyId, Kind, Label, Reply, Request, ServerIdentity};

/// What a program needs: the macro, the layers, networks, plans and keys.
///
/// It leaves alone the names that other crates use: write `fhe_nn_core::Error`, `layer::Add` and
/// `layer::Mul`.
pub mod prelude {
    #[cfg(feature = "client")]
    pub use crate::ClientKey;
    pub use crate::layer::{
        self, Abs, AvgPool, AvgPool1d, AvgPool2d, Axis, Celu, Concat, Conv, Conv1d, Conv2d, Custom,
        Dense, Elu, Embedding, Exp, Flatten, Gelu, GlobalAvgPool, GlobalMaxPool, HardSigmoid,
        HardSwish, HardTanh, Identity, LeakyRelu, MaxPool, MaxPool1d, MaxPool2d, Mish, Prelu, Relu,
        Relu6, Selu, Sigmoid, Sign, Silu, Softplus, Softsign, Square, Tanh, Threshold, Wave,
    };
    pub use crate::{
        Calibration, Embedded, Floats, Model, Network, Plan, PlanOptions, Quantized, Scores,
        fhe_network,
    };
    #[cfg(any(feature = "client", feature = "engine"))]
    pub use crate::{Description, EvaluationKey, Reply, Request};
    #[cfg(feature = "engine")]
    pub use crate::{Execution, ServerKey};
}

#[cfg(all(doctest, feature = "tfhe", feature = "import", feature = "train"))]
#[doc = include_str!("../../README.md")]
struct Readme;
