//! What the crate promises without a key: models and declarations from files, quantization, and scores of before.

mod before;
mod declarations;
mod model;
mod quantize;
#[cfg(feature = "tune")]
mod tuning;
mod value;
