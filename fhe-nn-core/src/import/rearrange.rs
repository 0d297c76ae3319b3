//! Operators that move values about and compute nothing: the same for constants and for the places of
//! values.

use ndarray::{ArrayD, Axis, IxDyn, Slice, SliceInfoElem};

use super::axes::{axis_of, broadcast, joined, values_of};
use super::error::{Refusal, refuse};
use super::graph::Node;
use super::tensor::{Budget, Constant};

/// The results of a node that moves the values of its first operand; `None` for other operators.
///
/// `others` are the operands behind, which say where to; `zero` is what a `Pad` adds.
///
/// # Errors
/// What does not fit, and what is not known.
pub(super) fn rearrange<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    others: &[Option<&Constant>],
    zero: T,
    budget: &Budget,
) -> Result<Option<Vec<ArrayD<T>>>, Refusal> {
    let parameter = |index: usize| others.get(index).copied().flatten();
    // an attribute in old versions, an operand in new ones
    let list = |attribute: &str, index: usize| -> Option<Vec<i64>> {
        match node.integers(attribute) {
            Some(given) => Some(given.to_vec()),
            None => parameter(index).map(Constant::to_integers),
        }
    };
    let one = |result: ArrayD<T>| Ok(Some(vec![result]));
    let rank = data.ndim();
    match node.operator.as_str() {
        "Transpose" => {
            let reversed: Vec<i64> = (0..rank as i64).rev().collect();
            let order = node.integers("perm").unwrap_or(&reversed);
            let axes: Vec<usize> = order.iter().map(|&axis| axis as usize).collect();
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            match sorted.into_iter().eq(0..rank) {
                true => one(data.clone().permuted_axes(axes)),
                false => refuse(format!("`perm` is {order:?}, but there are {rank} extents")),
            }
        }
        "Reshape" => {
            let Some(shape) = list("shape", 0) else {
                return refuse("its shape is known only when the model runs");
            };
            let allow_zero = node.integer("allowzero", 0) != 0;
            one(reshaped(data, extents(data, &shape, allow_zero)?)?)
        }
        "Flatten" => {
            let axis = match node.integer("axis", 1) {
                axis if axis < 0 => axis_of(axis, rank)?,
                axis => axis_of(axis, rank + 1)?,
            };
            let before: usize = data.shape()[..axis].iter().product();
            let behind: usize = data.shape()[axis..].iter().product();
            one(reshaped(data, vec![before, behind])?)
        }
        "Squeeze" => {
            let axes = match list("axes", 0) {
                Some(axes) => axes
                    .into_iter()
                    .map(|axis| axis_of(axis, rank))
                    .collect::<Result<Vec<_>, _>>()?,
                None => (0..rank).filter(|&axis| data.shape()[axis] == 1).collect(),
            };
            let kept = (0..rank).filter(|axis| !axes.contains(axis));
            one(reshaped(
                data,
                kept.map(|axis| data.shape()[axis]).collect(),
            )?)
        }
        "Unsqueeze" => {
            let axes = list("axes", 0).unwrap_or_default();
            let total = rank + axes.len();
            let axes = axes.into_iter().map(|axis| axis_of(axis, total));
            let axes = axes.collect::<Result<Vec<_>, _>>()?;
            let mut own = data.shape().iter();
            let extent = |axis| match axes.contains(&axis) {
                true => 1,
                false => own.next().copied().unwrap_or(1),
            };
            one(reshaped(data, (0..total).map(extent).collect())?)
        }
        "Expand" => {
            let Some(shape) = list("shape", 0) else {
                return refuse("its shape is known only when the model runs");
            };
            let shape: Vec<usize> = shape.iter().map(|&x| x.max(0) as usize).collect();
            one(broadcast(
                data,
                &joined(data.shape(), &shape)?,
                node,
                budget,
            )?)
        }
        "Slice" => {
            let (Some(starts), Some(ends)) = (list("starts", 0), list("ends", 1)) else {
                return refuse("what it takes is known only when the model runs");
            };
            let axes = list("axes", 2).unwrap_or_else(|| (0..starts.len() as i64).collect());
            let steps = list("steps", 3).unwrap_or_else(|| vec![1; starts.len()]);
            let mut parts: Vec<SliceInfoElem> = vec![
                SliceInfoElem::Slice {
                    start: 0,
                    end: None,
                    step: 1
                };
                rank
            ];
            for (i, &axis) in axes.iter().enumerate() {
                let axis = axis_of(axis, rank)?;
                let (Some(&start), Some(&end), Some(&step)) =
                    (starts.get(i), ends.get(i), steps.get(i))
                else {
                    return refuse("it has fewer starts, ends or steps than axes");
                };
                let size = data.shape()[axis] as i64;
                let from_start = |x: i64| if x < 0 { x.saturating_add(size) } else { x };
                let (start, end) = (from_start(start), from_start(end));
                // of a step backwards, the values behind `end` up to `start`, from the last
                let (lo, hi) = match step {
                    0 => return refuse("it takes steps of 0"),
                    1.. => (start.clamp(0, size), end.clamp(0, size)),
                    _ => (end.clamp(-1, size - 1) + 1, start.clamp(-1, size - 1) + 1),
                };
                parts[axis] = SliceInfoElem::Slice {
                    start: lo as isize,
                    end: Some(hi.max(lo) as isize),
                    step: step.clamp(-(1 << 30), 1 << 30) as isize,
                };
            }
            one(data.slice(parts.as_slice()).to_owned())
        }
        "Split" => {
            let axis = axis_of(node.integer("axis", 0), rank)?;
            let size = data.shape()[axis];
            let count = node.outputs.len().max(1);
            let even = vec![size.div_ceil(count) as i64; count];
            let mut parts = Vec::with_capacity(count);
            let mut start = 0;
            for part in list("split", 0).unwrap_or(even) {
                let end = (start + part.max(0) as usize).min(size);
                parts.push(
                    data.slice_axis(Axis(axis), Slice::from(start..end))
                        .to_owned(),
                );
                start = end;
            }
            match start == size && parts.len() == count {
                true => Ok(Some(parts)),
                false => refuse(format!(
                    "its parts are not the {size} values of axis {axis}"
                )),
            }
        }
        "Gather" => {
            let Some(places) = parameter(0) else {
                return refuse("where it takes values from is known only when the model runs");
            };
            let axis = axis_of(node.integer("axis", 0), rank)?;
            let size = data.shape()[axis] as i64;
            let mut indices = Vec::with_capacity(places.values.len());
            for index in places.to_integers() {
                let index = if index < 0 { index + size } else { index };
                match (0..size).contains(&index) {
                    true => indices.push(index as usize),
                    false => return refuse(format!("it takes value {index} of {size}")),
                }
            }
            let others = data.len() / data.shape()[axis].max(1);
            budget.take(others.saturating_mul(indices.len()), &node.name)?;
            let taken = data.select(Axis(axis), &indices);
            let mut shape = data.shape().to_vec();
            shape.splice(axis..=axis, places.values.shape().iter().copied());
            one(reshaped(&taken, shape)?)
        }
        "Pad" => {
            if node.text("mode").unwrap_or("constant") != "constant" {
                return refuse("it pads with values, not with a constant");
            }
            let value = match parameter(1) {
                Some(value) => value.scalar(),
                None => Some(node.real("value", 0.0)),
            };
            if value != Some(0.0) {
                return refuse("it pads with another number than 0");
            }
            let Some(pads) = list("pads", 0) else {
                return refuse("how much it pads is known only when the model runs");
            };
            let axes = match parameter(2) {
                Some(axes) => axes.to_integers(),
                None => (0..rank as i64).collect(),
            };
            let (before, behind) = match pads.len() == 2 * axes.len() {
                true => pads.split_at(axes.len()),
                false => {
                    return refuse(format!(
                        "it has {} pads for {} axes",
                        pads.len(),
                        axes.len()
                    ));
                }
            };
            let mut shape = data.shape().to_vec();
            let mut inside: Vec<(usize, usize)> = shape.iter().map(|&size| (0, size)).collect();
            for (i, &axis) in axes.iter().enumerate() {
                let axis = axis_of(axis, rank)?;
                let [before, behind] = [before[i], behind[i]].map(|pad| u16::try_from(pad).ok());
                let (Some(before), Some(behind)) = (before, behind) else {
                    return refuse(format!("its pads are {pads:?}"));
                };
                inside[axis].0 = usize::from(before);
                shape[axis] += usize::from(before) + usize::from(behind);
            }
            budget.take(values_of(&shape), &node.name)?;
            let mut padded = ArrayD::from_elem(IxDyn(&shape), zero);
            padded
                .slice_each_axis_mut(|axis| {
                    let (start, size) = inside[axis.axis.index()];
                    Slice::from(start..start + size)
                })
                .assign(data);
            one(padded)
        }
        _ => Ok(None),
    }
}

/// What 0 and -1 stand for in a shape.
fn extents<T>(data: &ArrayD<T>, shape: &[i64], allow_zero: bool) -> Result<Vec<usize>, Refusal> {
    let mut extents = Vec::with_capacity(shape.len());
    let mut open = None;
    for (axis, &extent) in shape.iter().enumerate() {
        extents.push(match extent {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !allow_zero => data.shape().get(axis).copied().unwrap_or(0),
            extent => match usize::try_from(extent) {
                Ok(extent) => extent,
                Err(_) => return refuse(format!("its shape is {shape:?}")),
            },
        });
    }
    if let Some(axis) = open {
        extents[axis] = data.len() / values_of(&extents).max(1);
    }
    Ok(extents)
}

fn reshaped<T: Copy>(data: &ArrayD<T>, shape: Vec<usize>) -> Result<ArrayD<T>, Refusal> {
    let values: Vec<T> = data.iter().copied().collect();
    match ArrayD::from_shape_vec(IxDyn(&shape), values) {
        Ok(reshaped) => Ok(reshaped),
        Err(_) => refuse(format!("shape {:?} is not {shape:?}", data.shape())),
    }
}
