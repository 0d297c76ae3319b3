//! Operators that take values from constant places, or put values there.

use std::collections::HashSet;

use ndarray::{ArrayD, Axis, Dimension, IxDyn};

use super::axes::{axis_of, values_of};
use super::rearrange::reshaped;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::{Constant, Node};

/// `Gather`: whole slices along an axis.
pub(super) fn gather<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    places: &Constant,
    budget: &Budget,
) -> Result<ArrayD<T>, Refusal> {
    let axis = axis_of(node.integer("axis", 0), data.ndim())?;
    let size = data.shape()[axis];
    let indices = places.to_integers().into_iter();
    let indices: Vec<usize> = indices
        .map(|index| place(index, size))
        .collect::<Result<_, _>>()?;
    let others = data.len() / size.max(1);
    budget.take(others.saturating_mul(indices.len()), &node.name)?;
    let taken = data.select(Axis(axis), &indices);
    let mut shape = data.shape().to_vec();
    shape.splice(axis..=axis, places.values.shape().iter().copied());
    reshaped(&taken, shape)
}

/// `GatherElements`: a value for each index, at its own place along all axes but one.
pub(super) fn gather_elements<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    places: &Constant,
    budget: &Budget,
) -> Result<ArrayD<T>, Refusal> {
    budget.take(places.values.len(), &node.name)?;
    let values: Vec<T> = data.iter().copied().collect();
    let taken = elements(node, data.shape(), places)?.into_iter();
    let taken = taken.map(|place| values[place]).collect();
    shaped(places.values.shape().to_vec(), taken)
}

/// `GatherND`: whole slices at tuples of indices, which are the last axis of `places`.
pub(super) fn gather_nd<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    places: &Constant,
    budget: &Budget,
) -> Result<ArrayD<T>, Refusal> {
    let batch = usize::try_from(node.integer("batch_dims", 0)).unwrap_or(usize::MAX);
    let tuples = Tuples::of(data.shape(), places, batch)?;
    budget.take(tuples.starts.len().saturating_mul(tuples.size), &node.name)?;
    let values: Vec<T> = data.iter().copied().collect();
    let slices = tuples.starts.iter();
    let taken = slices.flat_map(|&start| &values[start..start + tuples.size]);
    shaped(tuples.shape, taken.copied().collect())
}

/// `ScatterElements` and `ScatterND`: `data` with `updates` at some of its places.
///
/// # Errors
/// A refusal of places that are taken twice, and of sums and products at places.
pub(crate) fn scatter<T: Copy>(
    node: &Node,
    data: &ArrayD<T>,
    places: &Constant,
    updates: &ArrayD<T>,
) -> Result<ArrayD<T>, Refusal> {
    let (starts, size, shape) = if node.operator == "ScatterND" {
        let tuples = Tuples::of(data.shape(), places, 0)?;
        (tuples.starts, tuples.size, tuples.shape)
    } else {
        let all = elements(node, data.shape(), places)?;
        (all, 1, places.values.shape().to_vec())
    };
    if updates.shape() != shape {
        return refuse(format!(
            "it puts values of shape {:?} to places of shape {shape:?}",
            updates.shape()
        ));
    }
    let once: HashSet<usize> = starts.iter().copied().collect();
    if once.len() < starts.len() {
        return refuse("it puts two values to one place");
    }
    let mut values: Vec<T> = data.iter().copied().collect();
    let mut new = updates.iter();
    for start in starts {
        for (value, &update) in values[start..start + size].iter_mut().zip(&mut new) {
            *value = update;
        }
    }
    shaped(data.shape().to_vec(), values)
}

/// Slices at tuples of indices.
struct Tuples {
    /// Where each slice begins, in row-major order.
    starts: Vec<usize>,
    /// The number of values of a slice.
    size: usize,
    /// The shape of all slices together.
    shape: Vec<usize>,
}

impl Tuples {
    /// The tuples along the last axis of `places`; the first `batch` axes of data and places are the same.
    fn of(shape: &[usize], places: &Constant, batch: usize) -> Result<Self, Refusal> {
        let own = places.values.shape();
        let Some((&length, outer)) = own.split_last() else {
            return refuse("its places have no extents");
        };
        let is_short = batch
            .checked_add(length)
            .is_some_and(|axes| axes <= shape.len());
        if length == 0 || !is_short || outer.len() < batch || outer[..batch] != shape[..batch] {
            return refuse(format!(
                "its places of shape {own:?} do not fit {shape:?}, of which {batch} extents are shared"
            ));
        }
        let inner = &shape[batch + length..];
        let each = values_of(&outer[batch..]).max(1);
        let mut starts = Vec::with_capacity(places.values.len() / length);
        for (index, tuple) in places.to_integers().chunks(length).enumerate() {
            let mut at = index / each;
            for (&index, &size) in tuple.iter().zip(&shape[batch..]) {
                at = at * size + place(index, size)?;
            }
            starts.push(at * values_of(inner));
        }
        Ok(Tuples {
            starts,
            size: values_of(inner),
            shape: outer.iter().chain(inner).copied().collect(),
        })
    }
}

/// The place, in row-major order, of every index of `GatherElements` and `ScatterElements`.
fn elements(node: &Node, shape: &[usize], places: &Constant) -> Result<Vec<usize>, Refusal> {
    let axis = axis_of(node.integer("axis", 0), shape.len())?;
    let own = places.values.shape();
    let fits = |(other, (&own, &size)): (usize, (&usize, &usize))| other == axis || own <= size;
    if own.len() != shape.len() || !own.iter().zip(shape).enumerate().all(fits) {
        return refuse(format!("its places of shape {own:?} do not fit {shape:?}"));
    }
    let all = places.values.indexed_iter();
    all.map(|(at, &index)| {
        let taken = place(index as i64, shape[axis])?;
        let own = at.as_array_view();
        let own = own.iter().zip(shape).enumerate();
        Ok(own.fold(0, |all, (other, (&index, &size))| {
            all * size + if other == axis { taken } else { index }
        }))
    })
    .collect()
}

/// The place with an index, which counts from the end if it is negative.
fn place(index: i64, size: usize) -> Result<usize, Refusal> {
    let from_start = if index < 0 {
        index + size as i64
    } else {
        index
    };
    match usize::try_from(from_start) {
        Ok(place) if place < size => Ok(place),
        _ => refuse(format!("it takes value {index} of {size}")),
    }
}

fn shaped<T>(shape: Vec<usize>, values: Vec<T>) -> Result<ArrayD<T>, Refusal> {
    match ArrayD::from_shape_vec(IxDyn(&shape), values) {
        Ok(shaped) => Ok(shaped),
        Err(error) => refuse(error.to_string()),
    }
}
