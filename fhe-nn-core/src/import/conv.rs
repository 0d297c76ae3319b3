//! Convolutions.

use std::rc::Rc;

use fhe_nn_proof::spec::Window;
use ndarray::{Array2, Axis};

use super::area::Area;
use super::error::{Refusal, refuse};
use super::graph::Node;
use super::layers::Linear;
use super::line::Line;
use super::linear::{rescaled, scales};
use super::names::layer_name;
use super::net::{Net, Source};
use super::signal::Signal;
use super::tensor::Constant;
use super::windows::Windows;

/// `Conv`, and averages that are no pool of the language.
pub(super) fn convolution(
    net: &mut Net,
    node: &Node,
    signal: &Signal,
    groups: usize,
    kernel: &Constant,
    bias: Option<&Constant>,
) -> Result<Signal, Refusal> {
    let shape = kernel.values.shape();
    let (&[outputs, inputs, ..], 3 | 4) = (shape, shape.len()) else {
        return refuse(format!("its kernel has shape {shape:?}"));
    };
    let flat = shape.len() == 3;
    let area = Area::of(net, signal, flat)?;
    if groups == 0
        || inputs.checked_mul(groups) != Some(area.channels)
        || !outputs.is_multiple_of(groups)
    {
        let channels = area.channels;
        return refuse(format!(
            "its kernel of shape {shape:?} in {groups} groups does not fit {channels} channels"
        ));
    }
    let windows = Windows::of(node, &shape[2..], area.outer, flat)?;
    let windows = windows.padded(area.inner, area.pads);
    let flat_tensor = net.shape(signal.base).len() == 2;
    if flat_tensor && (windows.kernel[0] != 1 || windows.padding[0] != [0, 0]) {
        return refuse("its windows have two axes, but what they go over has one");
    }
    let (mut window, places) = windows.square(flat_tensor)?;
    window.channels = area.channels;
    window.outputs = outputs;
    window.groups = groups;
    let [down, across] = window.kernel;
    let taps = inputs.saturating_mul(down * across);
    net.budget.take(outputs.saturating_mul(taps), &node.name)?;
    let mut weights = Array2::zeros((outputs, inputs * down * across));
    let [kernel_down, kernel_across] = windows.kernel;
    for (index, &w) in kernel.values.iter().enumerate() {
        let (rest, x) = (index / kernel_across, index % kernel_across);
        let (rest, y) = (rest / kernel_down, rest % kernel_down);
        let (output, input) = (rest / inputs, rest % inputs);
        weights[[
            output,
            (input * down + places[0][y]) * across + places[1][x],
        ]] = w;
    }
    let bias = match bias {
        None => vec![0.0; outputs],
        Some(bias) if bias.values.len() == outputs => bias.values.iter().copied().collect(),
        Some(bias) => return refuse(format!("its bias has shape {:?}", bias.values.shape())),
    };
    let scales = scales(kernel, 0, outputs, 1.0);
    let name = node.inputs.get(1).map_or("", String::as_str);
    let name = layer_name(name, &node.name, "conv");
    let base = windowed(
        net,
        signal,
        (window, flat_tensor),
        weights,
        bias,
        scales,
        name,
    )?;
    let [down, across] = windows.output;
    let shape = match flat {
        true => vec![1, outputs, across],
        false => vec![1, outputs, down, across],
    };
    Ok(Signal::whole(base, &shape))
}

/// A convolution of all of a tensor, with the line of its values in its weights.
pub(super) fn windowed(
    net: &mut Net,
    signal: &Signal,
    (window, flat): (Window, bool),
    mut weights: Array2<f64>,
    mut bias: Vec<f64>,
    scales: Option<Vec<f64>>,
    name: String,
) -> Result<usize, Refusal> {
    let values = net.values(signal)?;
    let (reads, line) = match window.pads() && values.line.shifts() {
        // padding has the value 0 behind the line
        true => (net.plain(signal)?, Line::itself()),
        false => (values.tensor, net.by_channel(&values)?),
    };
    let area = window.kernel[0] * window.kernel[1];
    let (inputs, outputs) = (
        window.channels / window.groups,
        window.outputs / window.groups,
    );
    for (output, mut row) in weights.axis_iter_mut(Axis(0)).enumerate() {
        for (tap, w) in row.iter_mut().enumerate() {
            let channel = output / outputs * inputs + tap / area;
            bias[output] += *w * line.offset_at(channel);
            *w *= line.slope_at(channel);
        }
    }
    let shape = window.output_shape(flat);
    let linear = Linear {
        name,
        reads,
        window: Some((window, flat)),
        weights,
        bias,
        scales: scales.and_then(|scales| rescaled(scales, &line)),
    };
    Ok(net.base(shape, Source::Linear(Rc::new(linear))))
}
