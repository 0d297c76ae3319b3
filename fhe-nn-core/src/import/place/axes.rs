//! Axes and extents, as nodes state them.

use std::collections::BTreeSet;

use ndarray::{ArrayD, ArrayView, IxDyn};

use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::{Constant, Node};

/// The extents to which two tensors are broadcast together.
pub(crate) fn joined(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Refusal> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| {
        let missing = rank - shape.len();
        axis.checked_sub(missing).map_or(1, |axis| shape[axis])
    };
    let extent = |axis| match (at(a, axis), at(b, axis)) {
        (x, y) if x == y || y == 1 => Ok(x),
        (1, y) => Ok(y),
        _ => refuse(format!("shapes {a:?} and {b:?} do not go together")),
    };
    (0..rank).map(extent).collect()
}

/// The same values, repeated to fill a larger shape.
pub(crate) fn broadcast<T: Copy>(
    data: &ArrayD<T>,
    shape: &[usize],
    node: &Node,
    budget: &Budget,
) -> Result<ArrayD<T>, Refusal> {
    budget.take(values_of(shape), &node.name)?;
    let view: Option<ArrayView<'_, T, IxDyn>> = data.broadcast(shape);
    match view {
        Some(view) => Ok(view.to_owned()),
        None => refuse(format!("shape {:?} is not {shape:?}", data.shape())),
    }
}

/// The axes that a node reduces, which are an operand or an attribute. If they are not given, these are all
/// axes, or none with `noop_with_empty_axes`.
pub(crate) fn reduced_axes(
    node: &Node,
    operand: Option<&Constant>,
    rank: usize,
) -> Result<BTreeSet<usize>, Refusal> {
    let given = match operand {
        Some(axes) => axes.to_integers(),
        None => node.integers("axes").unwrap_or_default().to_vec(),
    };
    if !given.is_empty() {
        given.into_iter().map(|axis| axis_of(axis, rank)).collect()
    } else if node.integer("noop_with_empty_axes", 0) != 0 {
        Ok(BTreeSet::new())
    } else {
        Ok((0..rank).collect())
    }
}

/// The index of an axis, which counts from the end if it is negative.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, Refusal> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(from_start) {
        Ok(axis) if axis < rank => Ok(axis),
        _ => refuse(format!("axis {axis} is none of {rank} extents")),
    }
}

/// The number of values in a shape.
pub(super) fn values_of(shape: &[usize]) -> usize {
    shape
        .iter()
        .fold(1, |values, &extent| values.saturating_mul(extent))
}
