//! Operators that add up values times constants: matrix products, convolutions, averages of any values.

use std::rc::Rc;

use fhe_nn_proof::spec::Window;
use ndarray::{Array2, ArrayD, Ix2, IxDyn};

use super::conv::windowed;
use super::error::{Refusal, refuse};
use super::graph::Node;
use super::layers::Linear;
use super::line::Line;
use super::names::layer_name;
use super::net::{Net, Source};
use super::signal::{NOTHING, Signal};
use super::tensor::{Budget, Constant};

/// Weights of a layer: what multiplies values, and what it is called.
pub(super) struct Weights {
    /// `[outputs, inputs]`.
    pub(super) matrix: Array2<f64>,
    pub(super) bias: Vec<f64>,
    /// If weights are integers times a scale: that of each output.
    pub(super) scales: Option<Vec<f64>>,
    pub(super) name: String,
}

/// `Gemm`: `alpha A B + beta C`, and `MatMul`.
pub(super) fn product(
    net: &mut Net,
    node: &Node,
    a: &Signal,
    b: &Constant,
    c: Option<&Constant>,
    budget: &Budget,
) -> Result<Signal, Refusal> {
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
    let (alpha, beta) = match gemm {
        true => (node.real("alpha", 1.0), node.real("beta", 1.0)),
        false => (1.0, 1.0),
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
        scales: scales(b, if transposed { 0 } else { 1 }, outputs, alpha),
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
            let flat = a.places.iter().copied().collect();
            let base = dense(net, a, flat, weights)?;
            Ok(Signal::whole(base, &result))
        }
        _ => {
            budget.take(rows * outputs, &node.name)?;
            each_position(net, a, rows, weights, &result)
        }
    }
}

/// A dense layer of the values at some places.
pub(super) fn dense(
    net: &mut Net,
    signal: &Signal,
    places: Vec<u32>,
    weights: Weights,
) -> Result<usize, Refusal> {
    let values = net.values(signal)?;
    let all = net.facts[values.tensor].len();
    let outputs = weights.matrix.nrows();
    net.budget
        .take(all.saturating_mul(outputs), &weights.name)?;
    let own = signal
        .at(ArrayD::from_shape_vec(IxDyn(&[places.len()]), places.clone()).unwrap_or_default());
    let in_tensor = net.places(&own);
    let mut matrix = Array2::zeros((outputs, all));
    let mut bias = weights.bias;
    for (column, (&place, &own)) in in_tensor.iter().zip(&places).enumerate() {
        if place == NOTHING {
            continue;
        }
        // lines of the input are by the model's places, all others by the tensor's
        let channel = match values.tensor {
            0 => own as usize,
            _ => place as usize / values.positions,
        };
        let (slope, offset) = (
            values.line.slope_at(channel),
            values.line.offset_at(channel),
        );
        let from = weights.matrix.column(column);
        let mut to = matrix.column_mut(place as usize);
        to.scaled_add(slope, &from);
        bias.iter_mut()
            .zip(from)
            .for_each(|(b, w)| *b += w * offset);
    }
    let scales = weights
        .scales
        .and_then(|scales| rescaled(scales, &values.line));
    let linear = Linear {
        name: weights.name,
        reads: values.tensor,
        window: None,
        weights: matrix,
        bias,
        scales,
    };
    Ok(net.base(vec![outputs], Source::Linear(Rc::new(linear))))
}

/// A product at every one of many positions, `[.., positions, inputs]`: a convolution by a kernel of 1.
fn each_position(
    net: &mut Net,
    a: &Signal,
    rows: usize,
    weights: Weights,
    result: &[usize],
) -> Result<Signal, Refusal> {
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
        return refuse("it multiplies rows that are no channels of a tensor");
    }
    let window = Window {
        input: area,
        ..Window::each(inputs, outputs, 1)
    };
    let name = weights.name.clone();
    let base = windowed(
        net,
        a,
        (window, shape.len() == 2),
        weights.matrix,
        weights.bias,
        weights.scales,
        name,
    )?;
    let places = (0..rows * outputs).map(|index| (index % outputs * rows + index / outputs) as u32);
    let places = ArrayD::from_shape_vec(IxDyn(result), places.collect());
    Ok(Signal::whole(base, &[outputs * rows]).at(places.unwrap_or_default()))
}

/// The scale of the weights of every output; `None` if there are none, or they are not by outputs.
pub(super) fn scales(
    weights: &Constant,
    axis: usize,
    outputs: usize,
    factor: f64,
) -> Option<Vec<f64>> {
    let grid = weights.grid.as_ref()?;
    let own = |output: usize| match &*grid.scales {
        [one] => Some(one * factor.abs()),
        all if grid.axis == axis => Some(all.get(output)? * factor.abs()),
        _ => None,
    };
    (0..outputs).map(own).collect()
}

/// Scales of weights that one line of their inputs is multiplied into; `None` if the lines differ.
pub(super) fn rescaled(scales: Vec<f64>, line: &Line) -> Option<Vec<f64>> {
    let slope = *line.slope.first()?;
    let same = line.slope.iter().all(|&other| other == slope);
    same.then(|| scales.iter().map(|scale| scale * slope.abs()).collect())
}
