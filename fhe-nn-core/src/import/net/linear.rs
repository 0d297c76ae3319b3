//! Linear layers of the values of a view: dense ones, and convolutions.

use std::rc::Rc;

use fhe_nn_proof::spec::Window;
use ndarray::{Array2, Axis};

use super::network::{Net, Source};
use super::pending::{PendingLinear, Weights};
use crate::import::error::Refusal;
use crate::import::function::Line;
use crate::import::place::{NOTHING, View};

/// A pending dense layer of the values of a view in their order, with their line in its weights.
pub(crate) fn dense(net: &mut Net, view: &View, weights: Weights) -> Result<usize, Refusal> {
    let written = net.written(view)?;
    let all = net.facts[written.tensor].len();
    let outputs = weights.matrix.nrows();
    net.budget
        .take(all.saturating_mul(outputs), &weights.name)?;
    let in_tensor = net.places(view);
    let mut matrix = Array2::zeros((outputs, all));
    let mut bias = weights.bias;
    for (column, (&place, &own)) in in_tensor.iter().zip(view.places.iter()).enumerate() {
        if place == NOTHING {
            continue;
        }
        // the lines of the input are those of the model's places, all others those of the tensor's
        let channel = match written.tensor {
            0 => own as usize,
            _ => place as usize / written.positions,
        };
        let (slope, offset) = (
            written.line.slope_at(channel),
            written.line.offset_at(channel),
        );
        let from = weights.matrix.column(column);
        let mut to = matrix.column_mut(place as usize);
        to.scaled_add(slope, &from);
        bias.iter_mut()
            .zip(from)
            .for_each(|(b, w)| *b += w * offset);
    }
    let linear = PendingLinear {
        reads: written.tensor,
        window: None,
        weights: Weights {
            name: weights.name,
            matrix,
            bias,
            scales: weights
                .scales
                .and_then(|scales| rescaled(scales, &written.line)),
        },
    };
    Ok(net.base(vec![outputs], Source::Linear(Rc::new(linear))))
}

/// A pending convolution of all of a view, with the line of its values in its weights.
pub(crate) fn windowed(
    net: &mut Net,
    view: &View,
    (window, flat): (Window, bool),
    mut weights: Weights,
) -> Result<usize, Refusal> {
    let written = net.written(view)?;
    let (reads, line) = if window.pads() && written.line.shifts() {
        // padding is 0 after the line, not before it
        (net.plain(view)?, Line::itself())
    } else {
        (written.tensor, net.by_channel(&written)?)
    };
    let area = window.kernel[0] * window.kernel[1];
    let (inputs, outputs) = (
        window.channels / window.groups,
        window.outputs / window.groups,
    );
    for (output, mut row) in weights.matrix.axis_iter_mut(Axis(0)).enumerate() {
        for (tap, w) in row.iter_mut().enumerate() {
            let channel = output / outputs * inputs + tap / area;
            weights.bias[output] += *w * line.offset_at(channel);
            *w *= line.slope_at(channel);
        }
    }
    let shape = window.output_shape(flat);
    weights.scales = weights.scales.and_then(|scales| rescaled(scales, &line));
    let linear = PendingLinear {
        reads,
        window: Some((window, flat)),
        weights,
    };
    Ok(net.base(shape, Source::Linear(Rc::new(linear))))
}

/// The scales of weights that are multiplied by the slope of their inputs; `None` if slopes differ.
fn rescaled(scales: Vec<f64>, line: &Line) -> Option<Vec<f64>> {
    let slope = *line.slope.first()?;
    let same = line.slope.iter().all(|&other| other == slope);
    same.then(|| scales.iter().map(|scale| scale * slope.abs()).collect())
}
