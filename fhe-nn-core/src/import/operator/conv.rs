//! Convolutions.

use ndarray::Array2;

use super::area::Area;
use crate::import::error::{Refusal, refuse};
use crate::import::net::{Net, Weights, layer_name, windowed};
use crate::import::onnx::{Constant, Node};
use crate::import::place::{View, Windows};

/// `Conv`, and averages that no pool of the language computes.
pub(super) fn convolution(
    net: &mut Net,
    node: &Node,
    view: &View,
    groups: usize,
    kernel: &Constant,
    bias: Option<&Constant>,
) -> Result<View, Refusal> {
    let shape = kernel.values.shape();
    let (&[outputs, inputs, ..], 3 | 4) = (shape, shape.len()) else {
        return refuse(format!("its kernel has shape {shape:?}"));
    };
    let flat = shape.len() == 3;
    let area = Area::of(net, view, flat)?;
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
    let flat_tensor = net.shape(view.base).len() == 2;
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
    let name = node.inputs.get(1).map_or("", String::as_str);
    let weights = Weights {
        name: layer_name(name, &node.name, "conv"),
        matrix: weights,
        bias,
        scales: kernel.output_scales(0, outputs, 1.0),
    };
    let base = windowed(net, view, (window, flat_tensor), weights)?;
    let [down, across] = windows.output;
    let shape = if flat {
        vec![1, outputs, across]
    } else {
        vec![1, outputs, down, across]
    };
    Ok(View::whole(base, &shape))
}
