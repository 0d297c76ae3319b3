//! The normalization of the input: the line with which a model first reads its input is the client's.

use ndarray::{ArrayD, IxDyn};

use super::network::Net;
use crate::import::error::Refusal;
use crate::import::function::Line;

impl Net {
    /// The rest of a line of the input, of which the client computes the first one that a model has. Lines are by the
    /// places of the model's input.
    pub(super) fn normalized(&mut self, line: Line) -> Line {
        let own = self.normalization.get_or_insert_with(|| {
            let values = line.slope.len().max(line.offset.len());
            // floats have 32 bits
            let usable = (0..values)
                .map(|place| norm(&line, place))
                .all(|(mean, std)| {
                    (mean as f32).is_finite() && (std as f32).is_normal() && std > 0.0
                });
            if usable { line.clone() } else { Line::itself() }
        });
        if *own == line {
            return Line::itself();
        }
        line.after(&own.inverse())
    }

    /// Adds the normalization to the floats, by the places of the network's input: `input.mean` and `input.std`.
    pub(crate) fn write_normalization(&mut self) -> Result<(), Refusal> {
        let norms = self.norms();
        if norms == [(0.0, 1.0)] {
            return Ok(());
        }
        let (means, stds): (Vec<f32>, Vec<f32>) = norms
            .iter()
            .map(|&(mean, std)| (mean as f32, std as f32))
            .unzip();
        for (name, values) in [("input.mean", means), ("input.std", stds)] {
            let values = ArrayD::from_shape_vec(IxDyn(&[values.len()]), values).unwrap_or_default();
            self.floats.insert(name, values)?;
        }
        Ok(())
    }

    /// Mean and standard deviation of all values, of each channel or of each value of the network's input.
    fn norms(&self) -> Vec<(f64, f64)> {
        let Some(line) = &self.normalization else {
            return vec![(0.0, 1.0)];
        };
        if line.is_uniform() {
            return vec![norm(line, 0)];
        }
        let order = self.arrangement.as_deref().unwrap_or_default();
        let all: Vec<(f64, f64)> = order
            .iter()
            .map(|&place| norm(line, place as usize))
            .collect();
        let channels = self.input.shape[0];
        let each = all.len() / channels.max(1);
        let by_channel = all
            .chunks(each.max(1))
            .all(|own| own.iter().all(|norm| *norm == own[0]));
        match by_channel {
            true if all.windows(2).all(|two| two[0] == two[1]) => all.into_iter().take(1).collect(),
            true => all.into_iter().step_by(each.max(1)).collect(),
            false => all,
        }
    }
}

/// The mean and the standard deviation with which a line normalizes the value at a place.
fn norm(line: &Line, place: usize) -> (f64, f64) {
    let (slope, offset) = (line.slope_at(place), line.offset_at(place));
    // 0 - 0 and not -0
    (0.0 - offset / slope, 1.0 / slope)
}
