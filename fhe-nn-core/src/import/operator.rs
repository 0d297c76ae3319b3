//! The operators of ONNX: what a node makes of its operands.
//!
//! `dispatch` finds the operator of a node. Operators that compute each value by itself are formulas; those of
//! constants are folded; every other kind has a file of its own and adds layers to the network. This room imports
//! `net`, `place`, `function` and `onnx`.

mod area;
mod combine;
mod concat;
mod conv;
mod dispatch;
mod elementwise;
mod embedding;
mod fold;
mod formula;
mod known;
mod pool;
mod product;
mod quantization;

pub(crate) use dispatch::apply;
