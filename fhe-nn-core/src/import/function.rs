//! Functions of single values: what the nodes between two layers compute, which activation of the language
//! computes the same, and how a function is written in Rust.
//!
//! This room is pure mathematics. It knows neither the file nor the network, and imports nothing of
//! `import`.

mod bound;
mod channel;
mod code;
mod compare;
mod expr;
mod line;
mod operation;
mod parameters;
pub(super) mod postfix;
mod recognize;
mod split;

pub(crate) use bound::is_never_negative;
pub(crate) use channel::zip;
pub(crate) use code::function;
pub(crate) use expr::{Expr, Form};
pub(crate) use line::Line;
pub(crate) use operation::Operation;
pub(crate) use recognize::{Recognized, custom, never_decreases, recognize};
