//! What a node makes of its operands, by its operator.

use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use super::combine::{concat, elementwise};
use super::conv::convolution;
use super::embedding::embedding;
use super::error::{Refusal, refuse};
use super::expr::Expr;
use super::fold::{fold, is_real};
use super::formula::{FORMULAS, formula};
use super::graph::Node;
use super::levels::quantization;
use super::linear::product;
use super::net::Net;
use super::operation::Operation;
use super::pool::{pool, reduce};
use super::rearrange::rearrange;
use super::signal::{NOTHING, Signal, Value};
use super::tensor::{Budget, Constant, Kind};

/// What a node makes of its operands; nothing behind one that is not supported.
pub(super) fn apply(
    net: &mut Net,
    node: &Node,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    let present = operands.iter().flatten();
    if present.clone().any(|value| matches!(value, Value::Unknown)) {
        // all that is missing is said at once
        return match is_known(&node.operator) {
            true => Ok(Vec::new()),
            false => refuse("the operator is not known"),
        };
    }
    let one = |signal: Signal| Ok(vec![Value::Signal(signal)]);
    let constant = |index: usize| match operands.get(index) {
        Some(Some(Value::Constant(constant))) => Some(constant.as_ref()),
        _ => None,
    };
    if let Some(value) = quantization(net, node, operands, budget)? {
        return Ok(vec![value]);
    }
    let given: Vec<bool> = operands.iter().map(Option::is_some).collect();
    let formula = formula(node, &given)?;
    if present
        .clone()
        .all(|value| matches!(value, Value::Constant(_)))
    {
        let constants: Vec<Option<&Constant>> = (0..operands.len()).map(constant).collect();
        if let "Shape" | "Size" = node.operator.as_str()
            && let Some(data) = constant(0)
        {
            return Ok(vec![shape(node, data.values.shape())]);
        }
        return match fold(node, &constants, formula.as_ref(), budget)? {
            Some(results) => Ok(results
                .into_iter()
                .map(|each| Value::Constant(Rc::new(each)))
                .collect()),
            None => refuse("the operator is not known"),
        };
    }
    if let Some(Value::Scores(_, operator)) = present
        .clone()
        .find(|value| matches!(value, Value::Scores(..)))
    {
        return match (node.operator.as_str(), &operands[0]) {
            ("Identity" | "Dropout", Some(scores)) => Ok(vec![scores.clone()]),
            _ => refuse(format!(
                "it computes something of `{operator}`, which needs all values at once"
            )),
        };
    }
    if present
        .clone()
        .any(|value| matches!(value, Value::Levels(..)))
    {
        return refuse("it computes something of integers before their scale makes reals of them");
    }
    // values of tensors are reals
    if let ("CastLike", Some(Some(first))) = (node.operator.as_str(), operands.first()) {
        return Ok(vec![match first {
            Value::Constant(constant) => Value::Constant(Rc::new(Constant {
                kind: Kind::Real,
                ..constant.as_ref().clone()
            })),
            other => other.clone(),
        }]);
    }
    let Some(Some(Value::Signal(signal))) = operands.first() else {
        return behind_a_constant(net, node, operands, formula.as_ref(), budget);
    };
    match node.operator.as_str() {
        "Shape" | "Size" => return Ok(vec![shape(node, signal.shape())]),
        "Cast" => {
            let zero = Expr::constant(vec![0.0]);
            let is_zero = Expr::apply(Operation::Equal, vec![Expr::itself(), zero]);
            let (cast, is_integer) = match node.integer("to", 1) {
                to if is_real(to) => {
                    return one(Signal {
                        is_integer: false,
                        ..signal.clone()
                    });
                }
                // to a boolean
                9 => (Expr::constant(vec![1.0]) - is_zero, false),
                _ => (Expr::apply(Operation::Trunc, vec![Expr::itself()]), true),
            };
            let operand = [Value::Signal(signal.clone())];
            let result = elementwise(net, node, &cast, &operand, budget)?;
            return one(Signal {
                is_integer,
                ..result
            });
        }
        "Softmax" | "LogSoftmax" | "ArgMax" | "Hardmax" => {
            let axis = node.integer("axis", -1);
            let operator = format!("{} along axis {axis}", node.operator);
            return Ok(vec![Value::Scores(signal.clone(), operator)]);
        }
        "Gemm" | "MatMul" => {
            let Some(b) = constant(1) else {
                return refuse("it multiplies two tensors that are both encrypted");
            };
            if operands.len() > 2 && given[2] && constant(2).is_none() {
                return refuse("its bias is encrypted");
            }
            return one(product(net, node, signal, b, constant(2), budget)?);
        }
        "Conv" => {
            let Some(kernel) = constant(1) else {
                return refuse("its kernel is encrypted");
            };
            let groups = usize::try_from(node.integer("group", 1)).unwrap_or(0);
            return one(convolution(net, node, signal, groups, kernel, constant(2))?);
        }
        "AveragePool" | "MaxPool" | "GlobalAveragePool" | "GlobalMaxPool" => {
            return one(pool(net, node, signal)?);
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" => {
            return one(reduce(net, node, signal, constant(1))?);
        }
        "Concat" => {
            let signals: Option<Vec<Signal>> = operands
                .iter()
                .map(|operand| match operand {
                    Some(Value::Signal(signal)) => Some(signal.clone()),
                    _ => None,
                })
                .collect();
            return match signals {
                Some(signals) => one(concat(net, node, &signals, budget)?),
                None => refuse("it puts constants beside values"),
            };
        }
        _ => {}
    }
    if let Some(formula) = formula {
        if signal.is_integer && !matches!(node.operator.as_str(), "Identity" | "Dropout") {
            return refuse("it computes something of integers, whose arithmetic is another");
        }
        let operands: Vec<Value> = match node.operator.as_str() {
            "BatchNormalization" => along_channels(signal, operands),
            _ => operands.iter().flatten().cloned().collect(),
        };
        return one(elementwise(
            net,
            node,
            &compact(&formula, &given),
            &operands,
            budget,
        )?);
    }
    if operands
        .iter()
        .skip(1)
        .flatten()
        .any(|value| !matches!(value, Value::Constant(_)))
    {
        return refuse("the operator is not known, or where it moves values to is encrypted");
    }
    let others: Vec<Option<&Constant>> = (1..operands.len()).map(constant).collect();
    budget.take(signal.places.len(), &node.name)?;
    match rearrange(node, &signal.places, &others, NOTHING, budget)? {
        Some(moved) => Ok(moved
            .into_iter()
            .map(|places| Value::Signal(signal.at(places)))
            .collect()),
        None => refuse("the operator is not known"),
    }
}

/// Whether an operator has a counterpart for some operands.
fn is_known(operator: &str) -> bool {
    const KNOWN: &[&str] = &[
        "ArgMax",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "CastLike",
        "Concat",
        "Conv",
        "DequantizeLinear",
        "Expand",
        "Flatten",
        "Gather",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Hardmax",
        "LogSoftmax",
        "MatMul",
        "MaxPool",
        "Pad",
        "Quant",
        "QuantizeLinear",
        "Range",
        "ReduceMax",
        "ReduceMean",
        "ReduceSum",
        "Reshape",
        "Shape",
        "Size",
        "Slice",
        "Softmax",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    ];
    KNOWN.contains(&operator) || FORMULAS.contains(&operator)
}

/// Nodes whose first operand is constant, and another is not.
fn behind_a_constant(
    net: &mut Net,
    node: &Node,
    operands: &[Option<Value>],
    formula: Option<&Expr>,
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    if let Some(formula) = formula {
        let given: Vec<bool> = operands.iter().map(Option::is_some).collect();
        let operands: Vec<Value> = operands.iter().flatten().cloned().collect();
        let signal = elementwise(net, node, &compact(formula, &given), &operands, budget)?;
        return Ok(vec![Value::Signal(signal)]);
    }
    match (node.operator.as_str(), operands) {
        ("Gather", [Some(Value::Constant(vectors)), Some(Value::Signal(tokens))]) => {
            embedding(net, node, vectors, tokens, budget)
        }
        ("MatMul" | "Gemm", _) => refuse("it multiplies from the left by a constant"),
        _ => refuse("the operator is not known"),
    }
}

/// The extents of a value, as a constant.
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

/// Operands of which those behind the first are one number for each channel.
fn along_channels(signal: &Signal, operands: &[Option<Value>]) -> Vec<Value> {
    let behind = signal.shape().len().saturating_sub(2);
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

/// A formula whose arguments are counted without those that are left out.
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
