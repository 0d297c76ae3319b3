//! Functions of all scores, which a client computes after it decrypts.

use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

use super::axes::axis_of;
use crate::import::error::Refusal;

/// A function of several values along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whole {
    pub(crate) kind: WholeKind,
    /// The extents before, along and behind the axis.
    pub(crate) extents: [usize; 3],
}

/// The functions of several values that a client can compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WholeKind {
    Softmax,
    LogSoftmax,
    /// 1 at the first greatest value, 0 elsewhere.
    Hardmax,
    /// The place of the first greatest value.
    ArgMax,
    /// Values over their greatest absolute value, or over the sum of absolute values, or over the 2-norm.
    NormMax,
    NormL1,
    NormL2,
}

impl Whole {
    /// A function along one axis of a shape.
    ///
    /// # Errors
    /// A refusal of an axis that the shape does not have.
    pub(crate) fn along(kind: WholeKind, axis: i64, shape: &[usize]) -> Result<Self, Refusal> {
        let axis = axis_of(axis, shape.len())?;
        Ok(Whole {
            kind,
            extents: [
                shape[..axis].iter().product(),
                shape[axis],
                shape[axis + 1..].iter().product(),
            ],
        })
    }

    /// The function of values in row-major order.
    pub(crate) fn of(self, values: Vec<f64>) -> Vec<f64> {
        let kept = values.clone();
        let Ok(values) = Array3::from_shape_vec(self.extents, values) else {
            return kept; // made for another number of values
        };
        let lanes = values.lanes(Axis(1)).into_iter();
        if let WholeKind::ArgMax = self.kind {
            return lanes.map(|lane| greatest(lane.iter()) as f64).collect();
        }
        let mut results = values.clone();
        for (lane, mut result) in lanes.zip(results.lanes_mut(Axis(1))) {
            let largest = lane.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let exponents: f64 = lane.iter().map(|y| (y - largest).exp()).sum();
            let best = greatest(lane.iter());
            let norm = match self.kind {
                WholeKind::NormMax => lane.iter().fold(0.0, |most: f64, y| most.max(y.abs())),
                WholeKind::NormL1 => lane.iter().map(|y| y.abs()).sum(),
                _ => lane.iter().map(|y| y * y).sum::<f64>().sqrt(),
            };
            for (index, y) in result.iter_mut().enumerate() {
                *y = match self.kind {
                    WholeKind::Softmax => (*y - largest).exp() / exponents,
                    WholeKind::LogSoftmax => *y - largest - exponents.ln(),
                    WholeKind::Hardmax | WholeKind::ArgMax => f64::from(u8::from(index == best)),
                    WholeKind::NormMax | WholeKind::NormL1 | WholeKind::NormL2 => match norm {
                        0.0 => *y,
                        norm => *y / norm,
                    },
                };
            }
        }
        results.into_iter().collect()
    }
}

/// The place of the greatest value, the first of equals.
fn greatest<'a>(values: impl Iterator<Item = &'a f64>) -> usize {
    let values = values.enumerate();
    let best = values.reduce(|best, own| if own.1 > best.1 { own } else { best });
    best.map_or(0, |(place, _)| place)
}

impl WholeKind {
    /// What it is called in notes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            WholeKind::Softmax => "Softmax",
            WholeKind::LogSoftmax => "LogSoftmax",
            WholeKind::Hardmax => "Hardmax",
            WholeKind::ArgMax => "ArgMax",
            WholeKind::NormMax => "division by the greatest absolute value",
            WholeKind::NormL1 => "division by the sum of absolute values",
            WholeKind::NormL2 => "division by the 2-norm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_several_values_run_along_their_axis() {
        let values = vec![1.0, -3.0, 3.0, -3.0, 2.0, 4.0];
        let of = |kind, extents| Whole { kind, extents }.of(values.clone());
        assert_eq!(of(WholeKind::ArgMax, [2, 3, 1]), [2.0, 2.0]);
        assert_eq!(of(WholeKind::ArgMax, [1, 3, 2]), [1.0, 2.0]);
        assert_eq!(
            of(WholeKind::Hardmax, [1, 2, 3]),
            [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(
            of(WholeKind::NormMax, [2, 3, 1])[..3],
            [1.0 / 3.0, -1.0, 1.0]
        );
        assert_eq!(of(WholeKind::NormL1, [3, 2, 1])[..2], [0.25, -0.75]);
        assert_eq!(
            of(WholeKind::NormL2, [3, 1, 2]),
            [1.0, -1.0, 1.0, -1.0, 1.0, 1.0]
        );
        let softmax = of(WholeKind::Softmax, [3, 2, 1]);
        assert!((softmax[0] + softmax[1] - 1.0).abs() < 1e-12);
        assert!((softmax[0] / softmax[1] - 4f64.exp()).abs() < 1e-9);
        let logs = of(WholeKind::LogSoftmax, [3, 2, 1]);
        assert!(
            logs.iter()
                .zip(&softmax)
                .all(|(log, p)| (log.exp() - p).abs() < 1e-12)
        );
    }
}
