//! Probabilities of which some are 1 less others, as a classifier of two classes has them.

use std::rc::Rc;

use fhe_nn_proof::spec::Function;
use ndarray::Array2;

use super::network::{Net, Source};
use super::pending::{PendingLinear, Weights};
use crate::import::error::Refusal;
use crate::import::function::recognize;
use crate::import::place::View;

/// A pending layer whose sums have the values of some views as their sigmoids, one view after the other. `None` if the
/// views are not sigmoids of the sums of one dense layer, or none is 1 less a sigmoid.
///
/// `1 - sigmoid(x)` is `sigmoid(-x)`, so both come from one layer with both signs of the weights, and the sigmoid can
/// be left to the client.
pub(crate) fn sigmoids(net: &mut Net, views: &[View]) -> Result<Option<usize>, Refusal> {
    let Some(first) = views.first() else {
        return Ok(None);
    };
    let linear = match &net.bases[first.base].source {
        Source::Linear(linear) if linear.window.is_none() => linear.clone(),
        _ => return Ok(None),
    };
    let mut rows = Vec::new();
    let mut is_complement = false;
    for view in views {
        if view.base != first.base {
            return Ok(None);
        }
        let found = recognize(&view.expr).filter(|found| found.function == Function::Sigmoid);
        let Some(found) = found else {
            return Ok(None);
        };
        for &place in view.places.iter() {
            let channel = place as usize;
            if channel >= linear.weights.bias.len() {
                return Ok(None);
            }
            let outer = (
                found.outer.slope_at(channel),
                found.outer.offset_at(channel),
            );
            let sign = match outer {
                (1.0, 0.0) => 1.0,
                (-1.0, 1.0) => -1.0,
                _ => return Ok(None),
            };
            let slope = sign * found.inner.slope_at(channel);
            is_complement |= slope < 0.0;
            rows.push((channel, slope, sign * found.inner.offset_at(channel)));
        }
    }
    if !is_complement {
        return Ok(None);
    }
    let (own, taps) = (&linear.weights, linear.weights.matrix.ncols());
    net.budget
        .take(rows.len().saturating_mul(taps), &own.name)?;
    let matrix = Array2::from_shape_fn((rows.len(), taps), |(row, tap)| {
        let (channel, slope, _) = rows[row];
        slope * own.matrix[[channel, tap]]
    });
    let bias = rows.iter();
    let bias = bias.map(|&(channel, slope, offset)| slope * own.bias[channel] + offset);
    let scales = own.scales.as_ref().map(|scales| {
        let scales = rows
            .iter()
            .map(|&(channel, slope, _)| scales[channel] * slope.abs());
        scales.collect()
    });
    let weights = Weights {
        name: own.name.clone(),
        matrix,
        bias: bias.collect(),
        scales,
    };
    let pending = PendingLinear {
        reads: linear.reads,
        window: None,
        weights,
    };
    let base = net.base(vec![rows.len()], Source::Linear(Rc::new(pending)));
    Ok(Some(base))
}
