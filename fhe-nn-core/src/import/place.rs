//! Where the values of the model are: what a value is while the nodes are read, and the operators that only move
//! values.
//!
//! This room says which values of a tensor are meant, but not what the tensor is: that is for
//! `net`. It imports `onnx` and `function`.

mod axes;
mod gather;
mod grid;
mod rearrange;
mod slice;
mod value;
mod view;
mod whole;
mod windows;

pub(crate) use axes::{axis_of, broadcast, joined, reduced_axes};
pub(crate) use gather::scatter;
pub(crate) use grid::Grid;
pub(crate) use rearrange::rearrange;
pub(crate) use value::Value;
pub(crate) use view::{NOTHING, View};
pub(crate) use whole::{Whole, WholeKind};
pub(crate) use windows::{
    Windows, evened, fits_a_tensor, inside, see_edges, unpadded, unrepeated, with_more_taps,
};
