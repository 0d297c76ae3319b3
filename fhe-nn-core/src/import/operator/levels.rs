//! Integers of quantized tensors, on their way to the node that makes reals of them: they are moved, compared and
//! put side by side as their reals are.

use super::concat::concat;
use super::moved::{constant, rearranged};
use super::pool::{pool, reduce};
use super::quantization::on_grid;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::net::Net;
use crate::import::onnx::{Constant, Node};
use crate::import::place::{Grid, Value, View};

/// The results of a node whose first operand are the integers of a tensor.
///
/// # Errors
/// A refusal of operators that compute other integers.
pub(super) fn of_levels(
    net: &mut Net,
    node: &Node,
    (view, grid): (&View, Grid),
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    let limit = |index| {
        let limit = constant(operands, index).and_then(Constant::scalar);
        limit.filter(|limit| !limit.is_nan())
    };
    let one = |view: View| Ok(vec![Value::Levels(view, grid)]);
    let cut = |lo: f64, hi: f64| {
        let (lo, hi) = (lo.ceil() as i64, hi.floor() as i64);
        let (lo, hi) = (grid.lo.max(lo), grid.hi.min(hi));
        Ok(vec![Value::Levels(view.clone(), Grid { lo, hi, ..grid })])
    };
    match node.operator.as_str() {
        "Identity" | "Dropout" => one(view.clone()),
        "Clip" if node.version >= 11 => {
            let (lo, hi) = (limit(1), limit(2));
            if operands.iter().skip(1).flatten().count() != lo.iter().chain(&hi).count() {
                return refuse("its limits are not single constants");
            }
            cut(lo.unwrap_or(f64::NEG_INFINITY), hi.unwrap_or(f64::INFINITY))
        }
        "Relu" => cut(0.0, f64::INFINITY),
        "MaxPool" => {
            let real = on_grid(net, view, grid)?;
            one(pool(net, node, &real)?)
        }
        "ReduceMax" => {
            let real = on_grid(net, view, grid)?;
            one(reduce(net, node, &real, constant(operands, 1))?)
        }
        "Concat" => {
            let mut views = Vec::with_capacity(operands.len());
            for operand in operands.iter().flatten() {
                match operand {
                    Value::Levels(view, other) if *other == grid => {
                        views.push(on_grid(net, view, grid)?);
                    }
                    _ => return refuse("it puts integers beside values of other scales"),
                }
            }
            one(concat(net, node, &views, budget)?)
        }
        _ => {
            // the zero point stands for 0
            let zero = grid.zero_point as f64;
            match rearranged(node, view, operands, zero, budget)? {
                Some(moved) => Ok(moved
                    .into_iter()
                    .map(|view| Value::Levels(view, grid))
                    .collect()),
                None => refuse(
                    "it computes something of integers before their scale makes reals of them",
                ),
            }
        }
    }
}
