//! Widths found for you: the declaration of least predicted time that loses no more accuracy than you allow.
//!
//! A network arrives with floats, and its declaration wants bit-widths: for inputs, and for the weights, results and
//! tables of every layer. A [`Tuner`] tries hundreds of declarations. Each is quantized, run in the clear and planned,
//! which takes milliseconds and no keys. What it returns is [`Tuned`]: the declaration with its model and plan, the
//! [`Promise`] that it kept on rows that took no part in finding it, and every [`Trial`].
//!
//! ```
//! use fhe_nn_core::prelude::*;
//! use fhe_nn_core::tune::Tuner;
//! use ndarray::{Array2, ArrayD};
//!
//! /// Whether the first of two values is the greater one.
//! #[fhe_network(input(shape = [2], bits = 6))]
//! struct Greater {
//!     #[bits(weights = 6, accumulator = 14, overflow = calibrated)]
//!     sums: Dense<2, 2>,
//!     #[bits(output = 6, table = 8)]
//!     act: Tanh,
//!     #[bits(weights = 6)]
//!     scores: Dense<2, 2>,
//! }
//!
//! # fn main() -> Result<(), fhe_nn_core::Error> {
//! let square = |values: Vec<f32>| ArrayD::from_shape_vec(vec![2, 2], values).expect("four values");
//! let mut floats = Floats::new();
//! floats.insert("sums.weight", square(vec![1.0, -1.0, -1.0, 1.0]))?;
//! floats.insert("scores.weight", square(vec![1.0, 0.0, 0.0, 1.0]))?;
//! let rows = Array2::from_shape_fn((400, 2), |(row, j)| ((row * (7 + 12 * j)) % 97) as f32 / 97.0);
//!
//! let tuner = Tuner::new().with_loss(0.05).with_trials(120);
//! let tuned = tuner.run(Greater::SPEC, &[], &floats, rows.view(), None)?;
//! println!("{}", tuned.spec.declaration(&[])); // the struct to paste
//! let generous = Greater::quantize(&floats, rows.view())?.network.plan(&PlanOptions::default())?;
//! assert!(tuned.plan.predicted_seconds(2) < generous.predicted_seconds(2));
//! assert!(tuned.promise.loss() <= 0.05);
//! # Ok(())
//! # }
//! ```
//!
//! # How rows are used
//!
//! Rows are shuffled by the seed and split in three. The search calibrates every declaration on the first part and
//! compares it on the second, and then the other way round, so that no row is compared by a model that was calibrated
//! on it. What is chosen is calibrated on both parts, and the promise is checked on the third, which nothing before has
//! seen. If it does not hold, the next declaration that lost less in the search is checked; the promise says how many
//! were, and its statement of confidence counts them. Training, where it is asked for, learns from the first part and from the
//! rows that neither the search nor the check needs.
//!
//! Give rows that the network was not trained on, if there are any: it is surer of those that it was trained on, so that
//! less is lost on them than on others.
//!
//! Beside the rows that are lost, the search looks at how near each row is to being lost: from the differences between
//! greatest scores, in floats and in integers, it estimates what an endless number of such rows would lose. Few rows
//! are enough for that to tell two declarations apart that lose none of them.
//!
//! # What is searched
//!
//! Bits of the input, of weights, of results and of tables, and whether an accumulator is `checked` or `calibrated`,
//! layer by layer, and how scales are found ([`Tuned::calibration`]); with [`Tuner::with_approximate`] all rounding is approximate, and rows are run through the simulator.
//! Widths of tensors whose scale comes with the floats, as after quantization-aware training, stay as they are, and so
//! do accumulators that wrap, and `phases`, because other layers have weights for as many values as there are phases. With the
//! feature `train`, `Tuner::with_cheaper` replaces activations and pools where no widths are fast enough.

#[cfg(feature = "train")]
mod cheaper;
mod choose;
mod error;
mod judge;
mod knobs;
mod promise;
mod search;
mod split;
#[cfg(feature = "train")]
mod train;
mod trial;
mod tuned;
mod tuner;

pub use error::TuneError;
pub use promise::Promise;
pub use trial::Trial;
pub use tuned::Tuned;
pub use tuner::Tuner;
