//! Code that the examples share: their networks, their data, encrypted inferences, options and
//! measurements.

pub mod article;
pub mod augment;
pub mod cli;
pub mod exchange;
pub mod idx;
pub mod networks;
pub mod picture;
pub mod shades;
pub mod story;
pub mod table;
pub mod text;
#[cfg(feature = "import")]
pub mod tuning;
pub mod watch;
