//! What becomes of a node: the values that it makes, or the graph inside of it that is to be read in its place.

use super::attributes::check;
use super::dispatch::results;
use super::refused::reason;
use super::table::operator;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::net::Net;
use crate::import::onnx::{Branch, Node};
use crate::import::place::Value;

/// What becomes of a node.
pub(crate) enum Outcome<'a> {
    /// The results. There are none if the node comes after one that is not supported.
    Values(Vec<Value>),
    /// The branch of an `If` that is taken, whose outputs are the results.
    Branch(&'a Branch),
}

/// What becomes of a node with these operands.
///
/// # Errors
/// A refusal of operators and attributes that are not known, and of operands that the operator cannot have.
pub(crate) fn apply<'a>(
    net: &mut Net,
    node: &'a Node,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Outcome<'a>, Refusal> {
    let Some(operator) = operator(&node.operator) else {
        return refuse(reason(&node.operator));
    };
    check(node, operator)?;
    let mut present = operands.iter().flatten();
    if present.any(|value| matches!(value, Value::Unknown)) {
        // everything that is not supported is listed at once
        return Ok(Outcome::Values(Vec::new()));
    }
    if node.operator == "If" {
        return branch(node, operands).map(Outcome::Branch);
    }
    results(net, node, operator, operands, budget).map(Outcome::Values)
}

/// The branch that an `If` takes.
fn branch<'a>(node: &'a Node, operands: &[Option<Value>]) -> Result<&'a Branch, Refusal> {
    let condition = match operands {
        [Some(Value::Constant(condition))] => condition.scalar(),
        _ => None,
    };
    let Some(condition) = condition else {
        return refuse(
            "its condition depends on encrypted values: both branches would have to run",
        );
    };
    let name = if condition != 0.0 {
        "then_branch"
    } else {
        "else_branch"
    };
    match node.branches.iter().find(|(own, _)| own == name) {
        Some((_, branch)) => Ok(branch),
        None => refuse(format!("it has no `{name}`")),
    }
}
