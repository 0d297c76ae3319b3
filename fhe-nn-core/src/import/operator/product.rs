//! Matrix products with constants.

use fhe_nn_proof::spec::Window;
use ndarray::{Array2, ArrayD, Ix2, IxDyn};

use super::quantized_constant::kept_scales;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::net::{Net, Source, Weights, dense, layer_name, windowed};
use crate::import::onnx::{Constant, Node};
use crate::import::place::View;

/// `Gemm`, which is `alpha A B + beta C`, and `MatMul`.
pub(super) fn product(
    net: &mut Net,
    node: &Node,
    a: &View,
    b: &Constant,
    c: Option<&Constant>,
    budget: &Budget,
) -> Result<View, Refusal> {
    let gemm = node.operator == "Gemm";
    if gemm && node.integer("transA", 0) != 0 {
        return refuse("`transA` is set");
    }
    let Ok(matrix) = b.values.view().into_dimensionality::<Ix2>() else {
        return refuse(format!("its constant has shape {:?}", b.values.shape()));
    };
    let transposed = gemm && node.integer("transB", 0) != 0;
    let matrix = if transposed {
        matrix
    } else {
        matrix.reversed_axes()
    };
    let (alpha, beta) = if gemm {
        (node.real("alpha", 1.0), node.real("beta", 1.0))
    } else {
        (1.0, 1.0)
    };
    let outputs = matrix.nrows();
    let bias = match c {
        None => vec![0.0; outputs],
        Some(c) => match c.values.broadcast(IxDyn(&[1, outputs])) {
            Some(values) => values.iter().map(|&x| beta * x).collect(),
            None => return refuse(format!("its bias has shape {:?}", c.values.shape())),
        },
    };
    let weights = Weights {
        scales: kept_scales(net, node, b, if transposed { 0 } else { 1 }, alpha),
        matrix: matrix.mapv(|w| alpha * w),
        bias,
        name: layer_name(&node.inputs[1], &node.name, "dense"),
    };
    let inputs = weights.matrix.ncols();
    let shape = a.shape().to_vec();
    let Some((&last, before)) = shape.split_last() else {
        return refuse("it multiplies a single value");
    };
    if last != inputs {
        return refuse(format!("it has {inputs} inputs, but gets {last}"));
    }
    let rows: usize = before.iter().product();
    let mut result = before.to_vec();
    result.push(outputs);
    match rows {
        1 => {
            let base = dense(net, a, weights)?;
            Ok(View::whole(base, &result))
        }
        _ => {
            budget.take(rows * outputs, &node.name)?;
            let size = (rows * inputs).saturating_mul(rows * outputs);
            match each_position(net, a, rows, weights.clone(), &result) {
                Err(Refusal::Unsupported(_)) if size <= MOST => {
                    each_row(net, a, rows, weights, &result)
                }
                made => made,
            }
        }
    }
}

/// The most weights of products that are written as one dense layer.
const MOST: usize = 1 << 20;

/// A product for each of several rows, `[.., rows, inputs]`, as one dense layer of all of them.
fn each_row(
    net: &mut Net,
    a: &View,
    rows: usize,
    weights: Weights,
    result: &[usize],
) -> Result<View, Refusal> {
    let (outputs, inputs) = weights.matrix.dim();
    let mut matrix = Array2::zeros((rows * outputs, rows * inputs));
    for row in 0..rows {
        let own = ndarray::s![
            row * outputs..(row + 1) * outputs,
            row * inputs..(row + 1) * inputs
        ];
        matrix.slice_mut(own).assign(&weights.matrix);
    }
    let repeated = |all: &Vec<f64>| all.repeat(rows);
    let weights = Weights {
        matrix,
        bias: repeated(&weights.bias),
        scales: weights.scales.as_ref().map(repeated),
        name: weights.name,
    };
    let base = dense(net, a, weights)?;
    Ok(View::whole(base, result))
}

/// A product at each of several positions, `[.., positions, inputs]`: a convolution with a kernel of 1.
fn each_position(
    net: &mut Net,
    a: &View,
    rows: usize,
    weights: Weights,
    result: &[usize],
) -> Result<View, Refusal> {
    let (outputs, inputs) = weights.matrix.dim();
    if let Source::Input = net.bases[a.base].source {
        let flat: Vec<u32> = a.places.iter().copied().collect();
        let order = (0..rows * inputs).map(|index| flat[index % rows * inputs + index / rows]);
        net.arrange(&[inputs, rows], &order.collect::<Vec<u32>>())?;
    }
    let base = &net.bases[a.base];
    let shape = net.shape(a.base).to_vec();
    let is_input = matches!(base.source, Source::Input);
    let is_transposed = a
        .places
        .iter()
        .enumerate()
        .all(|(index, &place)| place as usize == index % inputs * rows + index / inputs)
        && a.places.len() == net.shape(a.base).iter().product::<usize>()
        || is_input;
    let (known, area) = match shape.as_slice() {
        [channels, across] => (*channels == inputs, [1, *across]),
        [channels, down, across] => (*channels == inputs, [*down, *across]),
        _ => (false, [1, 1]),
    };
    if !is_transposed || !known {
        return refuse("it multiplies rows that are not channels of a tensor");
    }
    let window = Window {
        input: area,
        ..Window::each(inputs, outputs, 1)
    };
    let base = windowed(net, a, (window, shape.len() == 2), weights)?;
    let places = (0..rows * outputs).map(|index| (index % outputs * rows + index / outputs) as u32);
    let places = ArrayD::from_shape_vec(IxDyn(result), places.collect());
    Ok(View::whole(base, &[outputs * rows]).at(places.unwrap_or_default()))
}
