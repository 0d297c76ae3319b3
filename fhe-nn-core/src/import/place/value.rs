//! What a value of the model is while its nodes are read.

use std::rc::Rc;

use super::grid::Grid;
use super::view::View;
use super::whole::Whole;
use crate::import::onnx::Constant;

/// A value of the model.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Constant(Rc<Constant>),
    View(View),
    /// The integers of a tensor that was quantized, until their scale makes reals of them.
    Levels(View, Grid),
    /// The scores, and a function of all of them that is left to the client.
    Scores(View, Whole),
    /// A value after a node that is not supported.
    Unknown,
}
