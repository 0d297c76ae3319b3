//! What a value of the model is: constants, or values of a tensor of the network, moved about and put
//! through a function.

use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use super::expr::Expr;
use super::tensor::Constant;

/// The place of a value that is no value of a tensor but 0, as padding is.
pub(super) const NOTHING: u32 = u32::MAX;

/// A value of the model.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Constant(Rc<Constant>),
    Signal(Signal),
    /// The integers of a tensor that was quantized, until their scale makes reals of them.
    Levels(Signal, Grid),
    /// Behind a function of the scores, which is the client's: its name.
    Scores(Signal, String),
    /// Behind a node that is not supported.
    Unknown,
}

/// Values of a tensor, through a function.
#[derive(Debug, Clone)]
pub(super) struct Signal {
    /// The tensor, by its number in the network that is made.
    pub(super) base: usize,
    /// Of every value, in the shape that the model knows: its place in the tensor, or [`NOTHING`].
    pub(super) places: Rc<ArrayD<u32>>,
    /// What is computed of each.
    pub(super) expr: Expr,
    /// The node that computes it last.
    pub(super) by: Rc<str>,
    /// Whether the model has integers here, of which arithmetic is another.
    pub(super) is_integer: bool,
}

/// `scale (q - zero_point)` for integers `q` in `[lo, hi]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    pub(super) scale: f64,
    pub(super) zero_point: i64,
    pub(super) lo: i64,
    pub(super) hi: i64,
}

impl Signal {
    /// All values of a tensor in order, in a shape.
    pub(super) fn whole(base: usize, shape: &[usize]) -> Self {
        let values = shape.iter().product::<usize>() as u32;
        let places = ArrayD::from_shape_vec(IxDyn(shape), (0..values).collect());
        Signal {
            base,
            places: Rc::new(places.expect("as many places as the shape has values")),
            expr: Expr::itself(),
            by: "".into(),
            is_integer: false,
        }
    }

    /// The same tensor and function at other places.
    pub(super) fn at(&self, places: ArrayD<u32>) -> Self {
        Signal {
            base: self.base,
            places: Rc::new(places),
            expr: self.expr.clone(),
            by: self.by.clone(),
            is_integer: self.is_integer,
        }
    }

    pub(super) fn shape(&self) -> &[usize] {
        self.places.shape()
    }

    pub(super) fn is_padded(&self) -> bool {
        self.places.iter().any(|&place| place == NOTHING)
    }

    /// Whether it has all values of a tensor of so many, each once and in order.
    pub(super) fn is_whole(&self, values: usize) -> bool {
        self.places.iter().copied().eq(0..values as u32)
    }

    /// Whether it has the same values of the same tensor in the same places.
    pub(super) fn goes_with(&self, other: &Signal) -> bool {
        self.base == other.base
            && (Rc::ptr_eq(&self.places, &other.places) || self.places == other.places)
    }
}

impl Grid {
    /// Width of the integers.
    pub(super) fn bits(&self) -> u32 {
        let levels = (self.hi - self.lo) as u64;
        64 - levels.leading_zeros()
    }

    pub(super) fn is_usable(&self) -> bool {
        let scale = self.scale > 0.0 && self.scale.is_normal();
        scale && self.lo < self.hi && (self.lo..=self.hi).contains(&self.zero_point)
    }
}
