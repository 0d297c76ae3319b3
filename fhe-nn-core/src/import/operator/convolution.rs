//! How a convolution is written: over the channels of a tensor, or as a dense layer.

use std::ops::Range;

use fhe_nn_proof::spec::Window;
use ndarray::{Array2, ArrayD, Axis, IxDyn};

use super::area::{Area, fits_axes};
use crate::import::error::Refusal;
use crate::import::net::{Net, Weights, dense, windowed};
use crate::import::onnx::Node;
use crate::import::place::{View, Windows, evened, inside, with_more_taps};

/// The most weights of a convolution that is written as a dense layer.
const MOST: usize = 1 << 20;

/// A convolution as a node has it.
#[derive(Clone)]
pub(super) struct Convolution {
    pub(super) name: String,
    /// In row-major order: outputs, inputs of a group, taps down and across.
    pub(super) kernel: Vec<f64>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) groups: usize,
    pub(super) scales: Option<Vec<f64>>,
    pub(super) bias: Vec<f64>,
    pub(super) windows: Windows,
}

impl Convolution {
    /// The same convolution over one axis, if the other one has one value and one tap.
    pub(super) fn along_one_axis(&self, view: &View) -> Option<(Self, View)> {
        let [_, channels, _, _] = *view.shape() else {
            return None;
        };
        let windows = self.windows.along_one_axis()?;
        let places = view.places.iter().copied().collect();
        let shape = IxDyn(&[1, channels, windows.window.input[1]]);
        let places = ArrayD::from_shape_vec(shape, places).ok()?;
        let own = Convolution {
            windows,
            ..self.clone()
        };
        Some((own, view.at(places)))
    }

    /// Writes the convolution, or a dense layer if no windows of the language see its values.
    pub(super) fn write(
        self,
        net: &mut Net,
        node: &Node,
        view: &View,
        flat: bool,
    ) -> Result<View, Refusal> {
        let name = self.name.clone();
        let values = view.places.len();
        let outputs = self.outputs * self.windows.window.positions();
        let is_small = values.saturating_mul(outputs) <= MOST;
        match self.windowed(net, node, view, flat) {
            Err(Refusal::Unsupported(reason)) if is_small => {
                let made = self.dense(net, view)?;
                net.notes.push(format!(
                    "`{name}` is dense, as a convolution is not possible: {reason}"
                ));
                Ok(made)
            }
            other => other,
        }
    }

    fn windowed(
        &self,
        net: &mut Net,
        node: &Node,
        view: &View,
        flat: bool,
    ) -> Result<View, Refusal> {
        let area = Area::of(net, view, flat)?.without_edges()?;
        let window = inside(self.windows.window, area.inner, area.zeros);
        let (mut window, first) = with_more_taps(evened(window));
        let flat_tensor = fits_axes(net, view, &mut window)?;
        let (own, order) = self.reordered(&area);
        window.channels = area.channels;
        window.outputs = own.outputs;
        window.groups = own.groups;
        let [down, across] = window.kernel;
        let taps = own.inputs.saturating_mul(down.saturating_mul(across));
        net.budget
            .take(own.outputs.saturating_mul(taps), &node.name)?;
        let mut weights = Array2::zeros((own.outputs, taps));
        let [kernel_down, kernel_across] = self.windows.window.kernel;
        for (index, &w) in own.kernel.iter().enumerate() {
            let (rest, x) = (index / kernel_across, index % kernel_across);
            let (rest, y) = (rest / kernel_down, rest % kernel_down);
            let (output, input) = (rest / own.inputs, rest % own.inputs);
            let tap = (input * down + first[0] + y) * across + first[1] + x;
            weights[[output, tap]] = w;
        }
        let weights = Weights {
            name: own.name,
            matrix: weights,
            bias: own.bias,
            scales: own.scales,
        };
        let base = windowed(net, view, (window, flat_tensor), weights)?;
        let made = View::whole(base, &[own.outputs, window.positions()]);
        Ok(match order {
            None => made,
            Some(order) => made.at(made.places.select(Axis(0), &order)),
        })
    }

    /// The convolution over the channels of a tensor, of which a view has some in another order.
    /// Its output channels may be in another order, too: the result says where those of the node are.
    fn reordered(&self, area: &Area) -> (Self, Option<Vec<usize>>) {
        let mut own = self.clone();
        if area.is_in_order() {
            return (own, None);
        }
        let each = self.outputs / self.groups;
        let [down, across] = self.windows.window.kernel;
        let taps = down * across;
        let outputs = |group: usize| -> Range<usize> { group * each..(group + 1) * each };
        if let Some(blocks) = self.blocks(area) {
            // the groups change places, and the channels within each
            let mut order = vec![0; self.outputs];
            for (group, &block) in blocks.iter().enumerate() {
                let seen = &area.order[group * self.inputs..(group + 1) * self.inputs];
                for (from, to) in outputs(group).zip(outputs(block)) {
                    order[from] = to;
                    own.bias[to] = self.bias[from];
                    if let (Some(own), Some(scales)) = (&mut own.scales, &self.scales) {
                        own[to] = scales[from];
                    }
                    for (input, &channel) in seen.iter().enumerate() {
                        let (from, to) = (
                            (from * self.inputs + input) * taps,
                            (to * self.inputs + channel - block * self.inputs) * taps,
                        );
                        own.kernel[to..to + taps].copy_from_slice(&self.kernel[from..from + taps]);
                    }
                }
            }
            return (own, Some(order));
        }
        // one group, with weights of 0 for what an output does not see
        own.groups = 1;
        own.inputs = area.channels;
        own.kernel = vec![0.0; self.outputs * area.channels * taps];
        for output in 0..self.outputs {
            let group = output / each;
            for input in 0..self.inputs {
                let channel = area.order[group * self.inputs + input];
                for tap in 0..taps {
                    own.kernel[(output * area.channels + channel) * taps + tap] +=
                        self.kernel[(output * self.inputs + input) * taps + tap];
                }
            }
        }
        (own, None)
    }

    /// The group of channels in the tensor that each group of the view is, if every group is one.
    fn blocks(&self, area: &Area) -> Option<Vec<usize>> {
        if area.order.len() != area.channels {
            return None;
        }
        let block = |seen: &[usize]| {
            let block = *seen.iter().min()? / self.inputs;
            let mut sorted = seen.to_vec();
            sorted.sort_unstable();
            let all = block * self.inputs..(block + 1) * self.inputs;
            sorted.into_iter().eq(all).then_some(block)
        };
        let blocks: Option<Vec<usize>> = area.order.chunks(self.inputs).map(block).collect();
        let mut sorted = blocks.clone()?;
        sorted.sort_unstable();
        sorted.into_iter().eq(0..self.groups).then_some(blocks?)
    }

    /// A dense layer with a row for every position.
    fn dense(&self, net: &mut Net, view: &View) -> Result<View, Refusal> {
        let window = Window {
            channels: self.inputs * self.groups,
            outputs: self.outputs,
            groups: self.groups,
            ..self.windows.window
        };
        let positions = window.positions();
        net.budget
            .take(positions.saturating_mul(self.kernel.len()), &self.name)?;
        let shape = (self.outputs, window.taps());
        let matrix = Array2::from_shape_vec(shape, self.kernel.clone());
        let weights = Weights {
            name: self.name.clone(),
            matrix: matrix.expect("a weight for every tap of every output"),
            bias: self.bias.clone(),
            scales: self.scales.clone(),
        };
        let weights = weights.each_position(&window, view.places.len());
        let base = dense(net, view, weights)?;
        Ok(View::whole(base, &[self.outputs, positions]))
    }
}
