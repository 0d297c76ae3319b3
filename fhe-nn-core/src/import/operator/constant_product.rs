//! Matrix products of constants.

use ndarray::{ArrayD, ArrayView2, IxDyn};

use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::{Constant, Node};
use crate::import::place::{broadcast, joined};

/// `Gemm`, which is `alpha A B + beta C`, and `MatMul`, whose leading extents are broadcast together.
pub(super) fn product(
    node: &Node,
    a: &Constant,
    b: Option<&Constant>,
    c: Option<&Constant>,
    budget: &Budget,
) -> Result<Constant, Refusal> {
    let Some(b) = b else {
        return refuse("it has one operand alone");
    };
    if node.operator == "MatMul" {
        return Ok(Constant::new(
            stacked(node, &a.values, &b.values, budget)?,
            a.kind,
        ));
    }
    let turned = |values: &ArrayD<f64>, attribute: &str| match node.integer(attribute, 0) {
        0 => values.clone(),
        _ => values.clone().reversed_axes(),
    };
    let (a_values, b_values) = (turned(&a.values, "transA"), turned(&b.values, "transB"));
    if a_values.ndim() != 2 || b_values.ndim() != 2 {
        return refuse("it multiplies other things than matrices");
    }
    let mut result = stacked(node, &a_values, &b_values, budget)?;
    result *= node.real("alpha", 1.0);
    if let Some(c) = c {
        let bias = broadcast(&c.values, result.shape(), node, budget)?;
        result.scaled_add(node.real("beta", 1.0), &bias);
    }
    Ok(Constant::new(result, a.kind))
}

/// Products of the matrices along the last two axes. A single axis is a row on the left and a column on the right.
fn stacked(
    node: &Node,
    a: &ArrayD<f64>,
    b: &ArrayD<f64>,
    budget: &Budget,
) -> Result<ArrayD<f64>, Refusal> {
    let matrix = |values: &ArrayD<f64>, axis: usize| match values.ndim() {
        1 => values.clone().insert_axis(ndarray::Axis(axis)),
        _ => values.clone(),
    };
    let (left, right) = (matrix(a, 0), matrix(b, 1));
    let (&[ref outer_a @ .., rows, inner], &[ref outer_b @ .., other, columns]) =
        (left.shape(), right.shape())
    else {
        return refuse("it multiplies a single value");
    };
    if inner != other {
        return refuse(format!(
            "it multiplies shapes {:?} and {:?}, which do not fit",
            a.shape(),
            b.shape()
        ));
    }
    let outer = joined(outer_a, outer_b)?;
    let full = |tail: [usize; 2]| [&outer[..], &tail[..]].concat();
    let left = broadcast(&left, &full([rows, inner]), node, budget)?;
    let right = broadcast(&right, &full([inner, columns]), node, budget)?;
    let count: usize = outer.iter().product();
    // the work of all products, and their results
    let results = count.saturating_mul(rows * columns);
    budget.take(results.saturating_mul(inner.div_ceil(64)), &node.name)?;
    let (left, right): (Vec<f64>, Vec<f64>) =
        (left.into_iter().collect(), right.into_iter().collect());
    let mut values = Vec::with_capacity(results);
    for index in 0..count {
        let part = |all: &'_ [f64], down: usize, across: usize| {
            let own = all[index * down * across..(index + 1) * down * across].to_vec();
            ndarray::Array2::from_shape_vec((down, across), own)
        };
        let (Ok(left), Ok(right)) = (part(&left, rows, inner), part(&right, inner, columns)) else {
            return refuse("its shapes do not fit");
        };
        let (left, right): (ArrayView2<'_, f64>, ArrayView2<'_, f64>) = (left.view(), right.view());
        values.extend(left.dot(&right));
    }
    let mut shape = outer;
    shape.extend((a.ndim() > 1).then_some(rows));
    shape.extend((b.ndim() > 1).then_some(columns));
    match ArrayD::from_shape_vec(IxDyn(&shape), values) {
        Ok(values) => Ok(values),
        Err(error) => refuse(error.to_string()),
    }
}
