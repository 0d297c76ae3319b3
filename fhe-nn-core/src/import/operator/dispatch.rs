//! Chooses what a node makes of its operands, by its operator and by what the operands are.

use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use super::concat::concat;
use super::conv::convolution;
use super::elementwise::{cast, elementwise};
use super::embedding::embedding;
use super::fold::fold;
use super::formula::formula;
use super::learned::learned;
use super::levels::of_levels;
use super::moved::{constant, rearranged};
use super::pool::{pool, reduce};
use super::product::product;
use super::quantization::quantization;
use super::refused::limits;
use super::scatter::scattered;
use super::table::Operator;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::Expr;
use crate::import::net::Net;
use crate::import::onnx::{Constant, Kind, Node, is_real};
use crate::import::place::{Value, View, Whole, WholeKind, axis_of};

/// The results of a node with an operator that is known, whose operands are known.
pub(super) fn results(
    net: &mut Net,
    node: &Node,
    operator: &Operator,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    let present = operands.iter().flatten();
    if let Some(value) = quantization(net, node, operands, budget)? {
        return Ok(vec![value]);
    }
    let given: Vec<bool> = operands.iter().map(Option::is_some).collect();
    let formula = formula(node, &given)?;
    if present
        .clone()
        .all(|value| matches!(value, Value::Constant(_)))
    {
        return of_constants(node, operator, operands, formula.as_ref(), budget);
    }
    if let Some(Value::Scores(_, whole)) = present
        .clone()
        .find(|value| matches!(value, Value::Scores(..)))
    {
        return match (node.operator.as_str(), &operands[0]) {
            ("Identity" | "Dropout" | "ai.onnx.ml:ZipMap", Some(scores)) => {
                Ok(vec![scores.clone()])
            }
            ("Cast", Some(scores)) if is_real(node.integer("to", 1)) => Ok(vec![scores.clone()]),
            // their sum is 1 already
            ("ai.onnx.ml:Normalizer", Some(scores))
                if whole.kind == WholeKind::Softmax && node.text("norm") == Some("L1") =>
            {
                Ok(vec![scores.clone()])
            }
            // the greatest probability is that of the greatest score
            ("ArgMax", Some(Value::Scores(view, softmax)))
                if matches!(softmax.kind, WholeKind::Softmax | WholeKind::LogSoftmax) =>
            {
                let greatest = self::whole(node, view)?;
                match greatest.extents == softmax.extents {
                    true => Ok(vec![Value::Scores(view.clone(), greatest)]),
                    false => refuse("it compares probabilities of different sums"),
                }
            }
            ("ai.onnx.ml:ArrayFeatureExtractor", _) => refuse(
                "it takes the label of the greatest score, which is the client's: choose the output of the scores",
            ),
            _ => refuse(format!(
                "it computes something of `{}`, which needs all values at once",
                whole.kind.name()
            )),
        };
    }
    if let ("Shape" | "Size", Some(Some(Value::Levels(view, _)))) =
        (node.operator.as_str(), operands.first())
    {
        return Ok(vec![shape(node, view.shape())]);
    }
    if let Some(Some(Value::Levels(view, grid))) = operands.first() {
        return of_levels(net, node, (view, *grid), operands, budget);
    }
    if present
        .clone()
        .any(|value| matches!(value, Value::Levels(..)))
    {
        return refuse("it computes something of integers before their scale makes reals of them");
    }
    // the values of tensors are reals
    if let ("CastLike", Some(Some(first))) = (node.operator.as_str(), operands.first()) {
        return Ok(vec![match first {
            Value::Constant(constant) => Value::Constant(Rc::new(Constant {
                kind: Kind::Real,
                ..constant.as_ref().clone()
            })),
            other => other.clone(),
        }]);
    }
    if let "ScatterND" | "ScatterElements" = node.operator.as_str() {
        return Ok(vec![Value::View(scattered(net, node, operands)?)]);
    }
    let Some(Some(Value::View(view))) = operands.first() else {
        return after_a_constant(net, node, operator, operands, formula.as_ref(), budget);
    };
    if let Some(results) = of_a_view(net, node, view, operands, budget)? {
        return Ok(results);
    }
    if let Some(results) = learned(net, node, view, constant(operands, 1), budget)? {
        return Ok(results);
    }
    if let Some(formula) = formula {
        if view.is_integer && !matches!(node.operator.as_str(), "Identity" | "Dropout") {
            return refuse("it computes something of integers, whose arithmetic is another");
        }
        let operands: Vec<Value> = match node.operator.as_str() {
            "BatchNormalization" => along_channels(view, operands),
            _ => operands.iter().flatten().cloned().collect(),
        };
        let formula = compact(&formula, &given);
        let result = elementwise(net, node, &formula, &operands, budget)?;
        return Ok(vec![Value::View(result)]);
    }
    moved(node, operator, view, operands, budget)
}

/// The function of all scores that a node computes.
fn whole(node: &Node, view: &View) -> Result<Whole, Refusal> {
    let kind = match node.operator.as_str() {
        "Softmax" => WholeKind::Softmax,
        "LogSoftmax" => WholeKind::LogSoftmax,
        "Hardmax" => WholeKind::Hardmax,
        _ => return Whole::along(WholeKind::ArgMax, node.integer("axis", 0), view.shape()),
    };
    if node.version >= 13 {
        return Whole::along(kind, node.integer("axis", -1), view.shape());
    }
    // all axes from the given one on are one
    let axis = axis_of(node.integer("axis", 1), view.shape().len())?;
    let (before, behind) = view.shape().split_at(axis);
    let flat: [usize; 2] = [before.iter().product(), behind.iter().product()];
    Whole::along(kind, 1, &flat)
}

/// A node whose operands are all constants.
fn of_constants(
    node: &Node,
    operator: &Operator,
    operands: &[Option<Value>],
    formula: Option<&Expr>,
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    if let "Shape" | "Size" = node.operator.as_str()
        && let Some(data) = constant(operands, 0)
    {
        return Ok(vec![shape(node, data.values.shape())]);
    }
    let constants = (0..operands.len()).map(|index| constant(operands, index));
    let constants: Vec<Option<&Constant>> = constants.collect();
    match fold(node, &constants, formula, budget)? {
        Some(results) => Ok(results
            .into_iter()
            .map(|each| Value::Constant(Rc::new(each)))
            .collect()),
        None => refuse(limits(operator)),
    }
}

/// A node whose first operand is a view; `None` if its operator is a formula, or moves values.
fn of_a_view(
    net: &mut Net,
    node: &Node,
    view: &View,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Option<Vec<Value>>, Refusal> {
    let result = match node.operator.as_str() {
        "Shape" | "Size" => shape(node, view.shape()),
        "Cast" => Value::View(cast(net, node, view, budget)?),
        "Softmax" | "LogSoftmax" | "ArgMax" | "Hardmax" => {
            Value::Scores(view.clone(), whole(node, view)?)
        }
        "Gemm" | "MatMul" => {
            let Some(b) = constant(operands, 1) else {
                return refuse("it multiplies two tensors that are both encrypted");
            };
            let c = constant(operands, 2);
            if operands.get(2).is_some_and(Option::is_some) && c.is_none() {
                return refuse("its bias is encrypted");
            }
            Value::View(product(net, node, view, b, c, budget)?)
        }
        "Conv" => {
            let Some(kernel) = constant(operands, 1) else {
                return refuse("its kernel is encrypted");
            };
            let own = &kernel.values.shape()[kernel.values.ndim().min(2)..];
            let given = node.sizes("kernel_shape", own.len(), 0)?;
            if node.integers("kernel_shape").is_some() && given != own {
                return refuse(format!(
                    "`kernel_shape` is {given:?}, but its kernel has {own:?}"
                ));
            }
            let groups = usize::try_from(node.integer("group", 1)).unwrap_or(0);
            let bias = constant(operands, 2);
            Value::View(convolution(net, node, view, groups, kernel, bias)?)
        }
        "AveragePool" | "MaxPool" | "GlobalAveragePool" | "GlobalMaxPool" => {
            Value::View(pool(net, node, view)?)
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" => {
            Value::View(reduce(net, node, view, constant(operands, 1))?)
        }
        "Concat" => {
            let views: Option<Vec<View>> = operands
                .iter()
                .map(|operand| match operand {
                    Some(Value::View(view)) => Some(view.clone()),
                    _ => None,
                })
                .collect();
            match views {
                Some(views) => Value::View(concat(net, node, &views, budget)?),
                None => return refuse("it puts constants beside values"),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![result]))
}

/// A node that moves the values of a tensor to other places.
fn moved(
    node: &Node,
    operator: &Operator,
    view: &View,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    if operands
        .iter()
        .skip(1)
        .flatten()
        .any(|value| !matches!(value, Value::Constant(_)))
    {
        return refuse("where it moves values to is encrypted");
    }
    match rearranged(node, view, operands, 0.0, budget)? {
        Some(moved) => Ok(moved.into_iter().map(Value::View).collect()),
        None => refuse(limits(operator)),
    }
}

/// A node whose first operand is constant, while another is not.
fn after_a_constant(
    net: &mut Net,
    node: &Node,
    operator: &Operator,
    operands: &[Option<Value>],
    formula: Option<&Expr>,
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    if let Some(formula) = formula {
        let given: Vec<bool> = operands.iter().map(Option::is_some).collect();
        let operands: Vec<Value> = operands.iter().flatten().cloned().collect();
        let view = elementwise(net, node, &compact(formula, &given), &operands, budget)?;
        return Ok(vec![Value::View(view)]);
    }
    match (node.operator.as_str(), operands) {
        ("Gather", [Some(Value::Constant(vectors)), Some(Value::View(tokens))]) => {
            embedding(net, node, vectors, tokens, budget)
        }
        ("MatMul" | "Gemm", _) => refuse("it multiplies from the left by a constant"),
        _ => refuse(limits(operator)),
    }
}

/// The extents of a value, or their product, as a constant.
fn shape(node: &Node, shape: &[usize]) -> Value {
    let constant = match node.operator.as_str() {
        "Size" => Constant::new(
            ndarray::arr0(shape.iter().product::<usize>() as f64).into_dyn(),
            Kind::Integer,
        ),
        _ => {
            let rank = shape.len() as i64;
            let place = |x: i64| if x < 0 { x + rank } else { x }.clamp(0, rank) as usize;
            let (start, end) = (
                place(node.integer("start", 0)),
                place(node.integer("end", rank)),
            );
            Constant::integers(shape[start..end.max(start)].iter().copied())
        }
    };
    Value::Constant(Rc::new(constant))
}

/// Operands whose constants are one number for each channel, in shapes that say so.
fn along_channels(view: &View, operands: &[Option<Value>]) -> Vec<Value> {
    let behind = view.shape().len().saturating_sub(2);
    let own = |operand: &Value| match operand {
        Value::Constant(constant) => {
            let mut shape = constant.values.shape().to_vec();
            shape.extend(std::iter::repeat_n(1, behind));
            let values: Vec<f64> = constant.values.iter().copied().collect();
            let values = ArrayD::from_shape_vec(IxDyn(&shape), values);
            Value::Constant(Rc::new(Constant::new(
                values.unwrap_or_default(),
                constant.kind,
            )))
        }
        other => other.clone(),
    };
    operands.iter().flatten().map(own).collect()
}

/// A formula whose arguments are counted without the operands that are left out.
fn compact(formula: &Expr, given: &[bool]) -> Expr {
    let mut count = 0;
    let arguments: Vec<Expr> = given
        .iter()
        .map(|&given| {
            let argument = Expr::argument(count);
            count += usize::from(given);
            argument
        })
        .collect();
    formula.of(&arguments)
}
