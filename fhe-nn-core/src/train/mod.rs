//! Training: the declaration that the compiler checks is the one that is trained.
//!
//! [`Network::trainable`](crate::Network::trainable) makes a [`Trainable`] of a declaration: weights that are
//! learned, and a forward pass that computes the integers of the quantized network, with the gradients of
//! the reals that they stand for (a straight-through estimator for every rounding). [`Trainer`] fits it;
//! [`Trainable::floats`] are then floats whose quantization gives back the same integers.
//!
//! ```
//! use fhe_nn_core::prelude::*;
//! use fhe_nn_core::train::{Device, Examples, Trainer};
//! use ndarray::{Array2, array};
//!
//! /// Whether just one of two inputs is on.
//! #[fhe_network(input(shape = [2], bits = 1))]
//! struct Xor {
//!     #[bits(weights = 2, accumulator = 2, overflow = wrap)]
//!     hidden: Dense<2, 4>,
//!     #[bits(output = 1, phases = 2)]
//!     wave: Wave,
//!     #[bits(weights = 3)]
//!     scores: Dense<8, 2>,
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let inputs = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let labels = [0, 1, 1, 0];
//! let examples = Examples::new(inputs.view(), &labels)?;
//!
//! let mut xor = Xor::trainable(&Device::Cpu)?;
//! let trainer = Trainer { epochs: 200, batch: 4, rate: 0.02, ..Trainer::default() };
//! trainer.fit(&mut xor, &examples, None)?;
//!
//! let network = Xor::quantize(&xor.floats()?, inputs.view())?.network;
//! for (input, label) in inputs.rows().into_iter().zip(labels) {
//!     assert_eq!(network.run(&input.to_vec())?.argmax(), label as usize);
//! }
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod curves;
mod examples;
mod family;
mod floats;
mod forward;
mod history;
mod integers;
mod lawful;
mod lookup;
mod ops;
mod optimizer;
mod outcome;
mod parameters;
pub mod plot;
mod scales;
mod search;
mod signal;
mod tables;
mod trainable;
mod trainer;
mod values;
mod weighted;
mod weights;

pub use candle_core::{DType, Device, Tensor};
pub use examples::{Augment, Examples};
pub use family::{Family, Number};
pub use history::{Epoch, History};
pub use optimizer::{Optimizer, Schedule};
pub use outcome::Outcome;
pub use search::{Candidate, Front, Refused, Search};
pub use trainable::{Precision, Trainable, WeightScales};
pub use trainer::{Teacher, Trainer, accuracy};
