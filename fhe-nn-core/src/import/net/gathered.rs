//! Values of a tensor in another order, as a tensor of their own.

use fhe_nn_proof::spec::{Op, Window};
use ndarray::Array2;

use super::network::Net;
use super::pending::{PendingLinear, Weights};
use crate::import::error::{Refusal, refuse};
use crate::import::function::Line;
use crate::import::place::NOTHING;

/// The most values that are picked one by one.
const MOST: usize = 1 << 10;

impl Net {
    /// Writes a layer that picks values of a tensor, one for each place of a shape; [`NOTHING`] is 0. The result has
    /// this shape, or one extent.
    ///
    /// # Errors
    /// A refusal if there are too many values, and no windows see them.
    pub(crate) fn gathered(
        &mut self,
        tensor: usize,
        places: &[u32],
        shape: &[usize],
    ) -> Result<usize, Refusal> {
        let reads = self.facts[tensor].shape.clone();
        let values: usize = reads.iter().product();
        let by_windows = windows(&reads, places, shape);
        let (window, matrix) = match by_windows {
            Some((window, flat, matrix)) => (Some((window, flat)), matrix),
            None if places.len() <= MOST => {
                self.budget
                    .take(places.len().saturating_mul(values), "gather")?;
                let mut matrix = Array2::zeros((places.len(), values));
                for (row, &place) in places.iter().enumerate() {
                    if place != NOTHING {
                        matrix[[row, place as usize]] = 1.0;
                    }
                }
                (None, matrix)
            }
            None => {
                return refuse(format!(
                    "it reads {} values in another order, but at most {MOST} are picked one by one",
                    places.len()
                ));
            }
        };
        let weights = Weights {
            name: "gather".to_owned(),
            bias: vec![0.0; matrix.nrows()],
            scales: None,
            matrix,
        };
        let linear = PendingLinear {
            reads: tensor,
            window,
            weights,
        };
        let sums = self.linear(&linear, &Line::itself())?;
        let picked = self.identity(sums)?;
        self.notes.push(format!(
            "`{}` has values in another order: {} bootstraps more",
            self.layers[picked - 1].name,
            self.facts[picked].len()
        ));
        Ok(picked)
    }

    /// The values of a tensor in a row.
    pub(crate) fn flattened(&mut self, tensor: usize) -> Result<usize, Refusal> {
        match self.facts[tensor].shape.len() {
            1 => Ok(tensor),
            _ => self.push("flatten", vec![tensor], Op::Flatten),
        }
    }
}

/// The windows of one tap that see values at places, each channel of the result those of one channel: whether they
/// have one axis, and their weights.
fn windows(
    reads: &[usize],
    places: &[u32],
    shape: &[usize],
) -> Option<(Window, bool, Array2<f64>)> {
    let flat = shape.len() == 2;
    let area = |shape: &[usize]| match *shape {
        [channels, across] if flat => Some((channels, [1, across])),
        [channels, down, across] if !flat => Some((channels, [down, across])),
        _ => None,
    };
    let ((inputs, input), (outputs, output)) = (area(reads)?, area(shape)?);
    let positions = output[0] * output[1];
    let seen = |place: u32| {
        let place = place as usize;
        let (channel, rest) = (place / (input[0] * input[1]), place % (input[0] * input[1]));
        (channel, [rest / input[1], rest % input[1]])
    };
    let first = places
        .chunks(positions.max(1))
        .find(|own| own[0] != NOTHING)?;
    let (_, start) = seen(first[0]);
    // from one window to the next, along both axes
    let step = |axis: usize, next: usize| match output[axis] {
        1 => Some(1),
        _ if first[next] == NOTHING => None,
        _ => seen(first[next]).1[axis]
            .checked_sub(start[axis])
            .filter(|&step| step > 0),
    };
    let stride = [step(0, output[1])?, step(1, 1)?];
    let mut channels = Vec::with_capacity(outputs);
    for own in places.chunks(positions.max(1)) {
        if own.iter().all(|&place| place == NOTHING) {
            channels.push(None);
            continue;
        }
        let channel = seen(own[0]).0;
        let is_regular = own.iter().enumerate().all(|(index, &place)| {
            let window = [index / output[1], index % output[1]];
            let at = [0, 1].map(|axis| start[axis] + window[axis] * stride[axis]);
            place != NOTHING && seen(place) == (channel, at)
        });
        if !is_regular {
            return None;
        }
        channels.push(Some(channel));
    }
    // the first tap is at the first value; more taps than to the one that is seen keep further windows away
    let kernel = [0, 1].map(|axis| {
        let more = (input[axis] + 1).saturating_sub(output[axis] * stride[axis]);
        more.max(start[axis] + 1)
    });
    let window = Window {
        input,
        kernel,
        stride,
        ..Window::each(inputs, outputs, 1)
    };
    if window.check().is_err() || window.output() != output {
        return None;
    }
    let [down, across] = kernel;
    let tap = start[0] * across + start[1];
    let mut matrix = Array2::zeros((outputs, inputs * down * across));
    for (output, channel) in channels.into_iter().enumerate() {
        if let Some(channel) = channel {
            matrix[[output, channel * down * across + tap]] = 1.0;
        }
    }
    Some((window, flat, matrix))
}
