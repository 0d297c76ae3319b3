//! Nodes whose operands are all constants, computed at once.

use ndarray::{ArrayD, Axis, IxDyn, concatenate};

use super::constant_product::product;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::Expr;
use crate::import::onnx::{Constant, Kind, Node, WeightGrid, kind, levels, rounded};
use crate::import::place::{axis_of, broadcast, joined, rearrange, reduced_axes, scatter};

/// The results of a node whose operands are constants; `None` for operators that are not computed.
pub(super) fn fold(
    node: &Node,
    operands: &[Option<&Constant>],
    formula: Option<&Expr>,
    budget: &Budget,
) -> Result<Option<Vec<Constant>>, Refusal> {
    let given = |index: usize| operands.get(index).copied().flatten();
    let Some(first) = given(0) else {
        return match node.operator.as_str() {
            "Constant" => Ok(node.constant(budget)?.map(|constant| vec![constant])),
            _ => Ok(None),
        };
    };
    budget.take(first.values.len(), &node.name)?;
    if let Some(moved) = rearrange(node, &first.values, &operands[1..], Some, budget)? {
        let constants = moved.into_iter().map(|values| Constant {
            grid: moved_grid(node, first, &values),
            values,
            kind: first.kind,
            levels: first.levels,
        });
        return Ok(Some(constants.collect()));
    }
    let one = |constant: Constant| {
        budget.take(constant.values.len(), &node.name)?;
        Ok(Some(vec![constant]))
    };
    if let "Identity" | "Dropout" = node.operator.as_str() {
        return one(first.clone());
    }
    // it differs by channel, which constants alone do not show
    if node.operator == "BatchNormalization" {
        return Ok(None);
    }
    if let Some(formula) = formula {
        return one(elementwise(node, operands, formula, budget)?);
    }
    match node.operator.as_str() {
        "Gemm" | "MatMul" => one(product(node, first, given(1), given(2), budget)?),
        "ScatterND" | "ScatterElements" => {
            let (Some(places), Some(updates)) = (given(1), given(2)) else {
                return refuse("it has no places or no updates");
            };
            one(Constant {
                values: scatter(node, &first.values, places, &updates.values)?,
                ..first.clone()
            })
        }
        "Cast" => one(cast(node, first)?),
        "CastLike" => one(Constant {
            kind: given(1).map_or(first.kind, |like| like.kind),
            ..first.clone()
        }),
        "ConstantOfShape" => {
            let value = node.constant(budget)?;
            let (value, kind) = value.map_or((0.0, Kind::Real), |constant| {
                (constant.scalar().unwrap_or(0.0), constant.kind)
            });
            let shape: Vec<usize> = first.values.iter().map(|&x| x.max(0.0) as usize).collect();
            let one_value = ArrayD::from_elem(IxDyn(&[]), value);
            one(Constant::new(
                broadcast(&one_value, &shape, node, budget)?,
                kind,
            ))
        }
        "Range" => {
            let limits = (
                first.scalar(),
                given(1).and_then(Constant::scalar),
                given(2).and_then(Constant::scalar),
            );
            let (Some(start), Some(limit), Some(step)) = limits else {
                return refuse("its limits are not single numbers");
            };
            let count = ((limit - start) / step).ceil().max(0.0);
            if !count.is_finite() {
                return refuse("its step is 0");
            }
            budget.take(count as usize, &node.name)?;
            let values = (0..count as usize).map(|k| start + step * k as f64);
            one(Constant::new(
                values.collect::<ndarray::Array1<f64>>().into_dyn(),
                first.kind,
            ))
        }
        "Concat" => {
            let axis = axis_of(node.integer("axis", 0), first.values.ndim())?;
            let all: Option<Vec<_>> = operands
                .iter()
                .map(|each| each.map(|c| c.values.view()))
                .collect();
            budget.take(
                operands.iter().flatten().map(|c| c.values.len()).sum(),
                &node.name,
            )?;
            match all.map(|all| concatenate(Axis(axis), &all)) {
                Some(Ok(values)) => one(Constant::new(values, first.kind)),
                _ => refuse("its operands have different shapes"),
            }
        }
        "ReduceProd" | "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceL2" => {
            one(reduce(node, first, given(1))?)
        }
        _ => Ok(None),
    }
}

fn elementwise(
    node: &Node,
    operands: &[Option<&Constant>],
    formula: &Expr,
    budget: &Budget,
) -> Result<Constant, Refusal> {
    let mut shape = Vec::new();
    for operand in operands.iter().flatten() {
        shape = joined(&shape, operand.values.shape())?;
    }
    let mut all = Vec::with_capacity(operands.len());
    for operand in operands {
        let missing = ArrayD::from_elem(IxDyn(&[]), f64::NAN);
        let values = operand.map_or(&missing, |constant| &constant.values);
        all.push(broadcast(values, &shape, node, budget)?);
    }
    let reals = operands.iter().flatten().any(|c| c.kind == Kind::Real);
    let kind = if reals { Kind::Real } else { Kind::Integer };
    let count = shape.iter().product();
    let flat: Vec<Vec<f64>> = all
        .iter()
        .map(|values| values.iter().copied().collect())
        .collect();
    let value = |index: usize| {
        let arguments: Vec<f64> = flat.iter().map(|values| values[index]).collect();
        let value = formula.value(&arguments, 0);
        match kind {
            Kind::Real => value,
            Kind::Integer => value.trunc(),
        }
    };
    let values = ArrayD::from_shape_vec(IxDyn(&shape), (0..count).map(value).collect());
    match values {
        Ok(values) => Ok(Constant::new(values, kind)),
        Err(error) => refuse(error.to_string()),
    }
}

/// The scales of weights that were moved, if all stay along their axis.
fn moved_grid(node: &Node, first: &Constant, values: &ArrayD<f64>) -> Option<WeightGrid> {
    let grid = first.grid.clone()?;
    if grid.scales.len() == 1 {
        return Some(grid);
    }
    match node.operator.as_str() {
        "Transpose" => {
            let last = values.ndim() as i64 - 1;
            let reversed: Vec<i64> = (0..=last).rev().collect();
            let order = node.integers("perm").unwrap_or(&reversed);
            let axis = order.iter().position(|&axis| axis == grid.axis as i64)?;
            Some(WeightGrid { axis, ..grid })
        }
        _ => None,
    }
}

/// The constant in another type.
fn cast(node: &Node, constant: &Constant) -> Result<Constant, Refusal> {
    let to = node.integer("to", 1);
    let made = match kind(to) {
        Ok(Kind::Real) => Constant {
            kind: Kind::Real,
            values: constant.values.mapv(|x| rounded(to, x)),
            ..constant.clone()
        },
        Ok(Kind::Integer) if to == 9 => {
            let truth = |x: f64| if x != 0.0 { 1.0 } else { 0.0 };
            Constant::new(constant.values.mapv(truth), Kind::Integer)
        }
        Ok(Kind::Integer) => {
            let values = constant.values.mapv(f64::trunc);
            let levels = levels(to);
            let fits = |x: &f64| levels.is_none_or(|(lo, hi)| (lo as f64..=hi as f64).contains(x));
            if let Some(other) = values.iter().find(|x| !fits(x)) {
                return refuse(format!("its type does not have the integer {other}"));
            }
            Constant {
                levels,
                ..Constant::new(values, Kind::Integer)
            }
        }
        Err(unread) => return refuse(format!("it casts to {unread}")),
    };
    Ok(made)
}

fn reduce(node: &Node, constant: &Constant, axes: Option<&Constant>) -> Result<Constant, Refusal> {
    let rank = constant.values.ndim();
    let axes = reduced_axes(node, axes, rank)?;
    let mut values = constant.values.clone();
    for &axis in &axes {
        let count = values.shape()[axis].max(1) as f64;
        let lane = |lane: ndarray::ArrayView1<'_, f64>| match node.operator.as_str() {
            "ReduceProd" => lane.product(),
            "ReduceMean" => lane.sum() / count,
            "ReduceMax" => lane.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "ReduceMin" => lane.iter().copied().fold(f64::INFINITY, f64::min),
            "ReduceL2" => lane.iter().map(|x| x * x).sum::<f64>().sqrt(),
            _ => lane.sum(),
        };
        values = values.map_axis(Axis(axis), lane).insert_axis(Axis(axis));
    }
    if node.integer("keepdims", 1) == 0 {
        for &axis in axes.iter().rev() {
            values = values.index_axis_move(Axis(axis), 0);
        }
    }
    Ok(Constant::new(values, constant.kind))
}
