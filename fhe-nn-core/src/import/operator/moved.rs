//! Values that nodes move to other places.

use crate::import::budget::Budget;
use crate::import::error::Refusal;
use crate::import::onnx::{Constant, Node};
use crate::import::place::{NOTHING, Value, View, rearrange};

/// The operand with an index, if it is a constant.
pub(super) fn constant(operands: &[Option<Value>], index: usize) -> Option<&Constant> {
    match operands.get(index) {
        Some(Some(Value::Constant(constant))) => Some(constant),
        _ => None,
    }
}

/// The views of the places that a node moves the values of a view to, whose first operand it is; `None` if its
/// operator computes something. Only the number `zero` may be added between values: it stands for 0.
pub(super) fn rearranged(
    node: &Node,
    view: &View,
    operands: &[Option<Value>],
    zero: f64,
    budget: &Budget,
) -> Result<Option<Vec<View>>, Refusal> {
    let others = (1..operands.len()).map(|index| constant(operands, index));
    let others: Vec<Option<&Constant>> = others.collect();
    budget.take(view.places.len(), &node.name)?;
    let nothing = |value: f64| (value == zero).then_some(NOTHING);
    let moved = rearrange(node, &view.places, &others, nothing, budget)?;
    Ok(moved.map(|moved| moved.into_iter().map(|places| view.at(places)).collect()))
}
