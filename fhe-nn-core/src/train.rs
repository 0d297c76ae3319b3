//! Training: the declaration that the compiler checks is the one that is trained.
//!
//! [`Network::trainable`](crate::Network::trainable) turns a declaration into a [`Trainable`]. Its forward pass computes
//! the integers of the quantized network, with the gradients of the reals that they stand for (a straight-through
//! estimator for every rounding). A [`Trainer`] fits it to [`Examples`]. [`Trainable::floats`] then quantize to exactly
//! the integers that were trained, and [`Trainable::outcome`] does so and measures the result. [`Search`] trains the
//! members of a [`Family`] of networks.
//!
//! Tensors are those of [candle](candle_core). A program meets them only as the [`Device`] that it trains on, unless it
//! has a training loop of its own, around [`Trainable::learn`]. Then it finds candle re-exported here, in the right
//! version, as it finds the random numbers of an [`Augment`] in [`rand_chacha`].
//!
//! ```
//! use fhe_nn_core::prelude::*;
//! use fhe_nn_core::train::{Device, Examples, Trainer};
//! use ndarray::array;
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
//! # fn main() -> Result<(), fhe_nn_core::Error> {
//! let inputs = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let labels = [0, 1, 1, 0];
//! let examples = Examples::new(inputs.view(), &labels)?;
//!
//! let mut xor = Xor::trainable(&Device::Cpu)?;
//! let trainer = Trainer::new().with_epochs(200).with_batch(4).with_rate(0.02);
//! trainer.fit(&mut xor, &examples, None)?;
//!
//! let network = Xor::quantize(&xor.floats()?, inputs.view())?.network;
//! for (input, label) in inputs.rows().into_iter().zip(labels) {
//!     assert_eq!(network.run(&input.to_vec())?.argmax(), label as usize);
//! }
//! # Ok(())
//! # }
//! ```

mod curves;
mod error;
mod feasible;
mod fit;
mod floats;
pub(crate) mod forward;
mod input;
mod integers;
mod load;
mod lookup;
mod ops;
mod outputs;
mod parameters;
mod pass;
mod scales;
mod scores;
mod search;
pub(crate) mod signal;
mod tables;
mod trainable;
mod weighted;
mod weights;

pub use candle_core::{self, Device};
pub(crate) use error::Failure;
pub use error::TrainError;
pub use fit::{
    Augment, Epoch, Examples, History, Optimizer, Outcome, Schedule, Spread, Teacher, Trainer,
    accuracy,
};
use floats::insert;
pub use rand_chacha;
pub use search::{Candidate, Family, Front, Number, Refused, Search};
pub use trainable::{Precision, Trainable, WeightScales};
