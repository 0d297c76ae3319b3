//! Constants that are quantized, or made reals again: weights and biases.

use ndarray::{ArrayD, Axis, IxDyn};

use super::quantizer::{Conversion, Quantizer};
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::net::Net;
use crate::import::onnx::{Constant, Kind, Node, WeightGrid};
use crate::import::place::{axis_of, broadcast};

/// What a node that quantizes makes of a constant. Integers times a scale keep it.
///
/// # Errors
/// A refusal of scales that do not fit the shape.
pub(super) fn quantized_constant(
    quantizer: &Quantizer,
    node: &Node,
    constant: &Constant,
    budget: &Budget,
) -> Result<Constant, Refusal> {
    let values = &constant.values;
    let along = |parameter: &Constant| along(parameter, values, node, budget);
    let (scales, zeros) = (along(&quantizer.scale)?, along(&quantizer.zero_point)?);
    let mut made = values.clone();
    for (value, (&scale, &zero)) in made.iter_mut().zip(scales.iter().zip(&zeros)) {
        *value = quantizer.value(*value, scale, zero);
    }
    if quantizer.conversion == Conversion::Quantize {
        return Ok(Constant {
            levels: Some((quantizer.lo, quantizer.hi)),
            ..Constant::new(made, Kind::Integer)
        });
    }
    let rank = values.ndim();
    let axis = axis_of(node.integer("axis", 1), rank.max(1)).unwrap_or(0);
    let whole_zeros = quantizer
        .zero_point
        .values
        .iter()
        .all(|zero| zero.fract() == 0.0);
    let is_on_grid = whole_zeros && blocks(node) == 0;
    Ok(Constant {
        grid: is_on_grid
            .then(|| weight_grid(&quantizer.scale, axis, rank))
            .flatten(),
        ..Constant::new(made, Kind::Real)
    })
}

/// The scale of the weights of every output along an axis, times a factor; `None` if there are none, or they run
/// along another axis.
pub(super) fn kept_scales(
    net: &mut Net,
    node: &Node,
    weights: &Constant,
    axis: usize,
    factor: f64,
) -> Option<Vec<f64>> {
    let outputs = weights.values.shape().get(axis).copied().unwrap_or(0);
    let scales = weights.output_scales(axis, outputs, factor);
    if weights.grid.is_some() && scales.is_none() {
        net.notes.push(format!(
            "weights of `{}` have scales along another axis than that of outputs, so they are quantized again",
            node.name
        ));
    }
    scales
}

/// The number of values along an axis that share a scale; 0 if it is not that of blocks.
fn blocks(node: &Node) -> usize {
    usize::try_from(node.integer("block_size", 0)).unwrap_or(0)
}

/// A parameter for each value of a tensor. It is given for all values, for each, for each index along an axis, or
/// for each block along it.
fn along(
    parameter: &Constant,
    values: &ArrayD<f64>,
    node: &Node,
    budget: &Budget,
) -> Result<ArrayD<f64>, Refusal> {
    let (axis, count) = (node.integer("axis", 1), parameter.values.len());
    let own = match parameter.values.ndim() {
        _ if blocks(node) > 0 && count > 1 => {
            let axis = axis_of(axis, values.ndim())?;
            let (block, size) = (blocks(node), values.shape()[axis]);
            let mut shape = values.shape().to_vec();
            shape[axis] = size.div_ceil(block);
            if parameter.values.shape() != shape {
                let own = parameter.values.shape();
                return refuse(format!(
                    "blocks of {block} need scales of shape {shape:?}, but they have {own:?}"
                ));
            }
            budget.take(values.len(), &node.name)?;
            let indices: Vec<usize> = (0..size).map(|index| index / block).collect();
            parameter.values.select(Axis(axis), &indices)
        }
        1 if count > 1 => {
            let axis = axis_of(axis, values.ndim())?;
            let mut shape = vec![1; values.ndim()];
            shape[axis] = count;
            let values: Vec<f64> = parameter.values.iter().copied().collect();
            ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_default()
        }
        1 => ArrayD::from_elem(IxDyn(&[]), parameter.scalar().unwrap_or(f64::NAN)),
        _ => parameter.values.clone(),
    };
    broadcast(&own, values.shape(), node, budget)
}

/// The scales of weights; `None` if they do not run along one axis.
fn weight_grid(scale: &Constant, axis: usize, rank: usize) -> Option<WeightGrid> {
    let own = scale.values.iter().copied();
    let positive = |&scale: &f64| scale.is_normal() && scale > 0.0;
    let scales: Vec<f64> = own.filter(positive).collect();
    if scales.len() != scale.values.len() {
        return None;
    }
    let axis = match scale.values.shape() {
        // along the axis that has more than one
        shape if shape.len() > 1 => {
            let mut long = (0..shape.len()).filter(|&axis| shape[axis] > 1);
            let axis = long.next().unwrap_or(0);
            if long.next().is_some() || shape.len() > rank {
                return None;
            }
            // shapes are broadcast together from the last extent on
            axis + rank - shape.len()
        }
        _ => axis,
    };
    Some(WeightGrid {
        scales: scales.into(),
        axis,
    })
}
