//! Lines: affine maps `slope x + offset`, with a slope and an offset for every channel.

use super::channel::{at, zip};

/// `slope x + offset`. Each of the two is one number, or one for each channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) slope: Vec<f64>,
    pub(crate) offset: Vec<f64>,
}

impl Line {
    /// The line `x`.
    pub(crate) fn itself() -> Self {
        Line {
            slope: vec![1.0],
            offset: vec![0.0],
        }
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.slope.iter().all(|&slope| slope == 0.0)
    }

    pub(crate) fn is_itself(&self) -> bool {
        self.slope.iter().all(|&slope| slope == 1.0) && !self.shifts()
    }

    /// Whether it is the same for all channels.
    pub(crate) fn is_uniform(&self) -> bool {
        self.slope.len() == 1 && self.offset.len() == 1
    }

    /// Whether any offset is not 0.
    pub(crate) fn shifts(&self) -> bool {
        self.offset.iter().any(|&offset| offset != 0.0)
    }

    pub(crate) fn slope_at(&self, channel: usize) -> f64 {
        at(&self.slope, channel)
    }

    pub(crate) fn offset_at(&self, channel: usize) -> f64 {
        at(&self.offset, channel)
    }

    pub(crate) fn value(&self, x: f64, channel: usize) -> f64 {
        self.slope_at(channel) * x + self.offset_at(channel)
    }

    /// The line that undoes this one, whose slopes are not 0.
    pub(crate) fn inverse(&self) -> Line {
        let offset = zip(&self.slope, &self.offset, |slope, offset| -offset / slope);
        Line {
            slope: self.slope.iter().map(|slope| 1.0 / slope).collect(),
            offset,
        }
    }

    /// The line that applies `inner` first, then itself.
    pub(crate) fn after(&self, inner: &Line) -> Line {
        let offset = zip(&self.slope, &inner.offset, |a, b| a * b);
        Line {
            slope: zip(&self.slope, &inner.slope, |a, b| a * b),
            offset: zip(&offset, &self.offset, |a, b| a + b),
        }
    }

    /// Combines the slopes, and the offsets, of two lines.
    pub(super) fn with(&self, other: &Line, combine: impl Fn(f64, f64) -> f64 + Copy) -> Line {
        Line {
            slope: zip(&self.slope, &other.slope, combine),
            offset: zip(&self.offset, &other.offset, combine),
        }
    }

    /// The line times a factor for every channel.
    pub(super) fn scaled(&self, factors: &[f64]) -> Line {
        Line {
            slope: zip(&self.slope, factors, |a, b| a * b),
            offset: zip(&self.offset, factors, |a, b| a * b),
        }
    }
}
