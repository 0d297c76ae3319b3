//! Views of tensors: their values at other places, put through a function.

use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use crate::import::function::Expr;

/// The place of a value that is not in the tensor but 0, as padding is.
pub(crate) const NOTHING: u32 = u32::MAX;

/// Values of a tensor, put through a function.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// The tensor, as an index into the bases of the network that is made.
    pub(crate) base: usize,
    /// The place of every value in the tensor, or [`NOTHING`], in the shape that the model knows.
    pub(crate) places: Rc<ArrayD<u32>>,
    /// The function that is computed of each value.
    pub(crate) expr: Expr,
    /// The name of the last node that computes something of the values.
    pub(crate) by: Rc<str>,
    /// Whether the model has integers here, whose arithmetic differs from that of reals.
    pub(crate) is_integer: bool,
}

impl View {
    /// All values of a tensor in order, in a shape.
    pub(crate) fn whole(base: usize, shape: &[usize]) -> Self {
        let values = shape.iter().product::<usize>() as u32;
        let places = ArrayD::from_shape_vec(IxDyn(shape), (0..values).collect());
        View {
            base,
            places: Rc::new(places.expect("as many places as the shape has values")),
            expr: Expr::itself(),
            by: "".into(),
            is_integer: false,
        }
    }

    /// The same tensor and function at other places.
    pub(crate) fn at(&self, places: ArrayD<u32>) -> Self {
        View {
            base: self.base,
            places: Rc::new(places),
            expr: self.expr.clone(),
            by: self.by.clone(),
            is_integer: self.is_integer,
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.places.shape()
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.places.iter().any(|&place| place == NOTHING)
    }

    /// Whether the view has every value of a tensor of `values`, each once and in order.
    pub(crate) fn is_whole(&self, values: usize) -> bool {
        self.places.iter().copied().eq(0..values as u32)
    }

    /// Whether both views have the same values of the same tensor in the same places.
    pub(crate) fn goes_with(&self, other: &View) -> bool {
        self.base == other.base
            && (Rc::ptr_eq(&self.places, &other.places) || self.places == other.places)
    }
}
