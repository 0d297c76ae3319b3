//! Convolutions.

use ndarray::{ArrayD, IxDyn};

use super::area::extents;
use super::convolution::Convolution;
use super::quantized_constant::kept_scales;
use crate::import::error::{Refusal, refuse};
use crate::import::net::{Net, layer_name};
use crate::import::onnx::{Constant, Node};
use crate::import::place::{View, Windows, fits_a_tensor};

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
    let (&[outputs, inputs, ..], rank @ (3 | 4)) = (shape, shape.len()) else {
        return refuse(format!(
            "its kernel has shape {shape:?}, but windows have one axis or two"
        ));
    };
    let flat = rank == 3;
    let outer = extents(view, flat)?;
    let channels = view.shape()[1];
    if groups == 0
        || inputs.checked_mul(groups) != Some(channels)
        || !outputs.is_multiple_of(groups)
    {
        return refuse(format!(
            "its kernel of shape {shape:?} in {groups} groups does not fit {channels} channels"
        ));
    }
    let windows = Windows::of(node, &shape[2..], outer, flat)?;
    fits_a_tensor(&windows.window, outputs)?;
    let bias = match bias {
        None => vec![0.0; outputs],
        Some(bias) if bias.values.len() == outputs => bias.values.iter().copied().collect(),
        Some(bias) => return refuse(format!("its bias has shape {:?}", bias.values.shape())),
    };
    let name = node.inputs.get(1).map_or("", String::as_str);
    let convolution = Convolution {
        name: layer_name(name, &node.name, "conv"),
        kernel: kernel.values.iter().copied().collect(),
        inputs,
        outputs,
        groups,
        scales: kept_scales(net, node, kernel, 0, 1.0),
        bias,
        windows,
    };
    let [down, across] = convolution.windows.window.output();
    let mut result = vec![1, outputs];
    result.extend((!flat).then_some(down));
    result.push(across);
    let made = match convolution.along_one_axis(view) {
        Some((convolution, view)) => convolution.write(net, node, &view, true)?,
        None => convolution.write(net, node, view, flat)?,
    };
    let values: Vec<u32> = made.places.iter().copied().collect();
    Ok(made.at(ArrayD::from_shape_vec(IxDyn(&result), values).unwrap_or_default()))
}
