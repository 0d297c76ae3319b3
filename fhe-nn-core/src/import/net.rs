//! The network that an import makes: its tensors and layers so far, how a layer is written, and which bit-widths
//! are proposed for it.
//!
//! A linear layer is pending until something reads it other than a function of single values. The layer and the
//! function are then written as a linear layer and an activation, and the lines between them go into weights and
//! biases: this is how batch normalization disappears. If something else reads the same linear layer through
//! another function, it reads another copy, because an accumulator has one reader. The copy costs its weights
//! only, as sums cost no bootstraps.
//!
//! This room knows no operator of ONNX. It imports `place` and `function`.
//! Within it, each file imports only files above it in this list: `names`, `pending`, `tail`, `network`, `arrangement`,
//! `normalize`, `write`, `sign`, `read`, `gathered`, `each`, `preset_scales`, `limits`, `quantized_input`, `linear`,
//! `complement`, `outputs`, `scores`, `widths`, `propose`.

mod arrangement;
mod complement;
mod each;
mod gathered;
mod limits;
mod linear;
mod names;
mod network;
mod normalize;
mod outputs;
mod pending;
mod preset_scales;
mod propose;
mod quantized_input;
mod read;
mod scores;
mod sign;
mod tail;
mod widths;
mod write;

pub(crate) use complement::sigmoids;
pub(crate) use linear::{dense, windowed};
pub(crate) use names::{layer_name, network_name};
pub(crate) use network::{Net, Source};
#[cfg(test)]
pub(crate) use pending::PendingLinear;
pub(crate) use pending::{Weights, weight_bits};
pub(crate) use propose::propose;
pub(crate) use scores::scores;
pub(crate) use tail::{StoredTail, Tail};
pub use widths::Widths;
