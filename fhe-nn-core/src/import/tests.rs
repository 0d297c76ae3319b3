//! Tests of whole imports of single operators, by the test vectors of ONNX.

mod cases;
mod page;
mod refusals;
mod schema;
mod vectors;
