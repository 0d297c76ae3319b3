//! Operators that move values and compute nothing. They do the same to constants as to the places of values.

use ndarray::{ArrayD, Axis, IxDyn, Slice};

use super::axes::{axis_of, broadcast, joined, values_of};
use super::gather::{gather, gather_elements, gather_nd};
use super::slice::slice;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::{Constant, Node};

/// The results of a node that moves the values of its first operand; `None` for other operators.
///
/// `others` are the further operands, which say where values go; `filled` is what a `Pad` adds for a number,
/// if it can.
///
/// # Errors
/// A refusal of parameters that do not fit, or are not constant.
pub(crate) fn rearrange<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    others: &[Option<&Constant>],
    filled: impl Fn(f64) -> Option<T>,
    budget: &Budget,
) -> Result<Option<Vec<ArrayD<T>>>, Refusal> {
    let parameters = Parameters { node, others };
    let one = match node.operator.as_str() {
        "Transpose" => transpose(node, data)?,
        "Reshape" => {
            let Some(shape) = parameters.list("shape", 0) else {
                return refuse("its shape is known only when the model runs");
            };
            let allow_zero = node.integer("allowzero", 0) != 0;
            reshaped(data, extents(data, &shape, allow_zero)?)?
        }
        "Flatten" => flatten(node, data)?,
        "Squeeze" => squeeze(data, parameters.list("axes", 0))?,
        "Unsqueeze" => unsqueeze(data, &parameters.list("axes", 0).unwrap_or_default())?,
        "Expand" => {
            let Some(shape) = parameters.list("shape", 0) else {
                return refuse("its shape is known only when the model runs");
            };
            let shape: Vec<usize> = shape.iter().map(|&x| x.max(0) as usize).collect();
            broadcast(data, &joined(data.shape(), &shape)?, node, budget)?
        }
        "Slice" => {
            let limits = (parameters.list("starts", 0), parameters.list("ends", 1));
            let (Some(starts), Some(ends)) = limits else {
                return refuse("what it takes is known only when the model runs");
            };
            let (axes, steps) = (parameters.list("axes", 2), parameters.list("steps", 3));
            slice(data, &starts, &ends, axes, steps)?
        }
        "Split" => return split(node, data, parameters.list("split", 0)).map(Some),
        "Gather" | "GatherND" | "GatherElements" => {
            let Some(indices) = parameters.constant(0) else {
                return refuse("where it takes values from is known only when the model runs");
            };
            match node.operator.as_str() {
                "Gather" => gather(node, data, indices, budget)?,
                "GatherND" => gather_nd(node, data, indices, budget)?,
                _ => gather_elements(node, data, indices, budget)?,
            }
        }
        "Pad" => pad(&parameters, data, filled, budget)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![one]))
}

/// What says where the values of a node go.
struct Parameters<'a> {
    node: &'a Node,
    others: &'a [Option<&'a Constant>],
}

impl Parameters<'_> {
    fn constant(&self, index: usize) -> Option<&Constant> {
        self.others.get(index).copied().flatten()
    }

    /// A list that is an attribute in old versions and an operand in new ones.
    fn list(&self, attribute: &str, index: usize) -> Option<Vec<i64>> {
        match self.node.integers(attribute) {
            Some(given) => Some(given.to_vec()),
            None => self.constant(index).map(Constant::to_integers),
        }
    }
}

fn transpose<T: Copy>(node: &Node, data: &ArrayD<T>) -> Result<ArrayD<T>, Refusal> {
    let rank = data.ndim();
    let reversed: Vec<i64> = (0..rank as i64).rev().collect();
    let order = node.integers("perm").unwrap_or(&reversed);
    let axes: Vec<usize> = order.iter().map(|&axis| axis as usize).collect();
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..rank) {
        Ok(data.clone().permuted_axes(axes))
    } else {
        refuse(format!("`perm` is {order:?}, but there are {rank} extents"))
    }
}

fn flatten<T: Copy>(node: &Node, data: &ArrayD<T>) -> Result<ArrayD<T>, Refusal> {
    let rank = data.ndim();
    let axis = match node.integer("axis", 1) {
        axis if axis < 0 => axis_of(axis, rank)?,
        axis => axis_of(axis, rank + 1)?,
    };
    let before: usize = data.shape()[..axis].iter().product();
    let behind: usize = data.shape()[axis..].iter().product();
    reshaped(data, vec![before, behind])
}

fn squeeze<T: Copy>(data: &ArrayD<T>, axes: Option<Vec<i64>>) -> Result<ArrayD<T>, Refusal> {
    let rank = data.ndim();
    let axes = match axes {
        Some(axes) => axes
            .into_iter()
            .map(|axis| axis_of(axis, rank))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).filter(|&axis| data.shape()[axis] == 1).collect(),
    };
    let kept = (0..rank).filter(|axis| !axes.contains(axis));
    reshaped(data, kept.map(|axis| data.shape()[axis]).collect())
}

fn unsqueeze<T: Copy>(data: &ArrayD<T>, axes: &[i64]) -> Result<ArrayD<T>, Refusal> {
    let total = data.ndim() + axes.len();
    let axes = axes.iter().map(|&axis| axis_of(axis, total));
    let axes = axes.collect::<Result<Vec<_>, _>>()?;
    let mut own = data.shape().iter();
    let extent = |axis| {
        if axes.contains(&axis) {
            1
        } else {
            own.next().copied().unwrap_or(1)
        }
    };
    reshaped(data, (0..total).map(extent).collect())
}

fn split<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    sizes: Option<Vec<i64>>,
) -> Result<Vec<ArrayD<T>>, Refusal> {
    let axis = axis_of(node.integer("axis", 0), data.ndim())?;
    let size = data.shape()[axis];
    let count = node.outputs.len().max(1);
    if node.integer("num_outputs", count as i64) != count as i64 {
        return refuse(format!(
            "`num_outputs` is not its number of outputs, {count}"
        ));
    }
    let even = vec![size.div_ceil(count) as i64; count];
    let mut parts = Vec::with_capacity(count);
    let mut start = 0;
    for part in sizes.unwrap_or(even) {
        let end = (start + part.max(0) as usize).min(size);
        let part = data.slice_axis(Axis(axis), Slice::from(start..end));
        parts.push(part.to_owned());
        start = end;
    }
    if start == size && parts.len() == count {
        Ok(parts)
    } else {
        refuse(format!(
            "its parts are not the {size} values of axis {axis}"
        ))
    }
}

fn pad<T: Copy>(
    parameters: &Parameters<'_>,
    data: &ArrayD<T>,
    filled: impl Fn(f64) -> Option<T>,
    budget: &Budget,
) -> Result<ArrayD<T>, Refusal> {
    let (node, rank) = (parameters.node, data.ndim());
    // the index of the value that goes to a place along an axis of `size` values, counted from the first value
    let from: Option<fn(i64, i64) -> i64> = match node.text("mode").unwrap_or("constant") {
        "constant" => None,
        "edge" => Some(|place, size| place.clamp(0, size - 1)),
        "reflect" => Some(|place, size| {
            let place = place.rem_euclid(2 * (size - 1).max(1));
            place.min((2 * (size - 1) - place).max(0))
        }),
        "wrap" => Some(|place, size| place.rem_euclid(size)),
        mode => return refuse(format!("its mode is `{mode}`")),
    };
    let value = match parameters.constant(1) {
        Some(value) => value.scalar(),
        None => Some(node.real("value", 0.0)),
    };
    let filling = value.and_then(filled);
    let Some(pads) = parameters.list("pads", 0) else {
        return refuse("how much it pads is known only when the model runs");
    };
    let axes = match parameters.constant(2) {
        Some(axes) => axes.to_integers(),
        None => (0..rank as i64).collect(),
    };
    if pads.len() != 2 * axes.len() {
        let (pads, axes) = (pads.len(), axes.len());
        return refuse(format!("it has {pads} pads for {axes} axes"));
    }
    let (before, behind) = pads.split_at(axes.len());
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
    if let Some(from) = from {
        if data.is_empty() {
            return refuse("it repeats values of none");
        }
        let mut padded = data.clone();
        for (axis, &(start, size)) in inside.iter().enumerate() {
            let place = |index: usize| from(index as i64 - start as i64, size as i64) as usize;
            let places: Vec<usize> = (0..shape[axis]).map(place).collect();
            padded = padded.select(Axis(axis), &places);
        }
        return Ok(padded);
    }
    let Some(filling) = filling else {
        return refuse("it pads with another number than 0");
    };
    let mut padded = ArrayD::from_elem(IxDyn(&shape), filling);
    padded
        .slice_each_axis_mut(|axis| {
            let (start, size) = inside[axis.axis.index()];
            Slice::from(start..start + size)
        })
        .assign(data);
    Ok(padded)
}

/// The extents of a new shape, in which 0 keeps an extent and -1 stands for what is left.
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

pub(super) fn reshaped<T: Copy>(data: &ArrayD<T>, shape: Vec<usize>) -> Result<ArrayD<T>, Refusal> {
    let values: Vec<T> = data.iter().copied().collect();
    match ArrayD::from_shape_vec(IxDyn(&shape), values) {
        Ok(reshaped) => Ok(reshaped),
        Err(_) => refuse(format!("shape {:?} is not {shape:?}", data.shape())),
    }
}
