//! Formulas of single values, whose operands may be several views of one tensor.

use super::combine::several;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Operation};
use crate::import::net::Net;
use crate::import::onnx::{Constant, Kind, Node, kind};
use crate::import::place::{Value, View, broadcast, joined};

/// The most operations between two layers.
const MAX_SIZE: usize = 1000;
/// The most operations between two layers, counted for every channel.
const MAX_WORK: usize = 1 << 17;

/// The result of a formula whose operands include at least one view.
pub(super) fn elementwise(
    net: &mut Net,
    node: &Node,
    formula: &Expr,
    operands: &[Value],
    budget: &Budget,
) -> Result<View, Refusal> {
    let mut shape = Vec::new();
    for operand in operands {
        match operand {
            Value::View(view) => shape = joined(&shape, view.shape())?,
            Value::Constant(constant) => shape = joined(&shape, constant.values.shape())?,
            Value::Levels(..) | Value::Scores(..) | Value::Unknown => {}
        }
    }
    let mut views: Vec<View> = Vec::new();
    for operand in operands {
        if let Value::View(view) = operand {
            views.push(if view.shape() == shape {
                view.clone()
            } else {
                view.at(broadcast(&view.places, &shape, node, budget)?)
            });
        }
    }
    let Some(first) = views.first().cloned() else {
        return refuse("none of its operands is known");
    };
    if views.iter().any(|view| !view.goes_with(&first)) {
        return several(net, node, &views, operands.len());
    }
    if first.is_padded() {
        return refuse("it computes something of padding");
    }
    let mut first = first;
    let mut constants = constants(net, node, &first, operands, budget)?;
    if constants.iter().any(Option::is_none) {
        // they differ from place to place, so every value is a channel of its own
        let (each, positions) = net.each_value(&first)?;
        for view in &mut views {
            view.expr = view.expr.repeated(positions);
        }
        constants = self::constants(net, node, &each, operands, budget)?;
        first = each;
    }
    let (mut own, mut constants) = (views.iter(), constants.into_iter());
    let mut arguments = Vec::with_capacity(operands.len());
    for operand in operands {
        arguments.push(match operand {
            Value::View(_) => own
                .next()
                .map_or_else(Expr::itself, |view| view.expr.clone()),
            Value::Constant(_) => match constants.next() {
                Some(Some(expr)) => expr,
                _ => return refuse("its constants differ for one value of the tensor"),
            },
            Value::Levels(..) | Value::Scores(..) | Value::Unknown => Expr::itself(),
        });
    }
    let expr = formula.of(&arguments);
    if expr.size() > MAX_SIZE || expr.size().saturating_mul(expr.channels()) > MAX_WORK {
        return refuse("too many operations between two layers");
    }
    let by = node.name.as_str().into();
    Ok(View { expr, by, ..first })
}

/// `Cast` of values of a tensor.
pub(super) fn cast(
    net: &mut Net,
    node: &Node,
    view: &View,
    budget: &Budget,
) -> Result<View, Refusal> {
    let zero = Expr::constant(vec![0.0]);
    let is_zero = Expr::apply(Operation::Equal, vec![Expr::itself(), zero]);
    let to = node.integer("to", 1);
    let (formula, is_integer) = match kind(to) {
        Ok(Kind::Real) => {
            return Ok(View {
                is_integer: false,
                ..view.clone()
            });
        }
        // a boolean is 0 or 1
        Ok(Kind::Integer) if to == 9 => (Expr::constant(vec![1.0]) - is_zero, false),
        Ok(Kind::Integer) => (Expr::apply(Operation::Trunc, vec![Expr::itself()]), true),
        Err(unread) => return refuse(format!("it casts to {unread}")),
    };
    let operand = [Value::View(view.clone())];
    let result = elementwise(net, node, &formula, &operand, budget)?;
    Ok(View {
        is_integer,
        ..result
    })
}

/// The constants among the operands of a formula of a view's values.
fn constants(
    net: &Net,
    node: &Node,
    view: &View,
    operands: &[Value],
    budget: &Budget,
) -> Result<Vec<Option<Expr>>, Refusal> {
    let constants = operands.iter().filter_map(|operand| match operand {
        Value::Constant(constant) => Some(by_channel(net, node, view, constant, budget)),
        _ => None,
    });
    constants.collect()
}

/// A constant for the values of a view: one number, or one for each channel of its tensor; `None` if it differs within
/// a channel.
fn by_channel(
    net: &Net,
    node: &Node,
    view: &View,
    constant: &Constant,
    budget: &Budget,
) -> Result<Option<Expr>, Refusal> {
    let mut distinct = constant.values.iter();
    let first = distinct.next().copied().unwrap_or(f64::NAN);
    if distinct.all(|&value| value == first) {
        return Ok(Some(Expr::constant(vec![first])));
    }
    let (channels, positions) = net.channels(view.base);
    let values = broadcast(&constant.values, view.shape(), node, budget)?;
    // a channel of which the view has no value may have any number
    let mut own = vec![None; channels];
    for (&place, &value) in view.places.iter().zip(&values) {
        match own.get_mut(place as usize / positions.max(1)) {
            Some(known @ None) => *known = Some(value),
            Some(Some(known)) if *known == value => {}
            _ => return Ok(None),
        }
    }
    let own = own.into_iter().map(|value| value.unwrap_or(1.0));
    Ok(Some(Expr::constant(own.collect())))
}
