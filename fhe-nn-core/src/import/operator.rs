//! The operators of ONNX: what a node makes of its operands.
//!
//! `dispatch` finds the operator of a node, `table` says which are accepted. Operators that compute each value by itself are formulas; those of
//! constants are folded; every other kind has a file of its own and adds layers to the network. This room imports
//! `net`, `place`, `function` and `onnx`.

mod area;
mod attributes;
mod combine;
mod concat;
mod constant_product;
mod conv;
mod convolution;
mod dispatch;
mod elementwise;
mod embedding;
mod fold;
mod formula;
mod learned;
mod levels;
mod moved;
mod outcome;
mod pool;
mod product;
mod quantization;
mod quantized_constant;
mod quantizer;
mod refused;
mod regular;
mod rounding;
mod scatter;
mod table;

#[cfg(test)]
pub(crate) use attributes::{AttributeKind, Reading};
pub(crate) use outcome::{Outcome, apply};
#[cfg(test)]
pub(crate) use refused::reason as reason_to_refuse;
#[cfg(test)]
pub(crate) use table::{OPERATORS, Operator};
