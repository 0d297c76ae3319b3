//! Lines, with a slope and an offset for every channel.

use super::expr::Expr;

/// `slope x + offset`, each one number or one for each channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) slope: Vec<f64>,
    pub(super) offset: Vec<f64>,
}

impl Line {
    /// `x` itself.
    pub(super) fn itself() -> Self {
        Line {
            slope: vec![1.0],
            offset: vec![0.0],
        }
    }

    pub(super) fn is_constant(&self) -> bool {
        self.slope.iter().all(|&slope| slope == 0.0)
    }

    pub(super) fn is_itself(&self) -> bool {
        self.slope.iter().all(|&slope| slope == 1.0) && !self.shifts()
    }

    /// Whether any offset is not 0.
    pub(super) fn shifts(&self) -> bool {
        self.offset.iter().any(|&offset| offset != 0.0)
    }

    pub(super) fn slope_at(&self, channel: usize) -> f64 {
        at(&self.slope, channel)
    }

    pub(super) fn offset_at(&self, channel: usize) -> f64 {
        at(&self.offset, channel)
    }

    pub(super) fn value(&self, x: f64, channel: usize) -> f64 {
        self.slope_at(channel) * x + self.offset_at(channel)
    }

    /// Itself of another line's value.
    pub(super) fn after(&self, inner: &Line) -> Line {
        let offset = zip(&self.slope, &inner.offset, |a, b| a * b);
        Line {
            slope: zip(&self.slope, &inner.slope, |a, b| a * b),
            offset: zip(&offset, &self.offset, |a, b| a + b),
        }
    }

    /// As a function.
    pub(super) fn expr(&self) -> Expr {
        if self.is_itself() {
            return Expr::itself();
        }
        let scaled = Expr::itself() * Expr::constant(self.slope.clone());
        scaled + Expr::constant(self.offset.clone())
    }

    pub(super) fn with(&self, other: &Line, combine: impl Fn(f64, f64) -> f64 + Copy) -> Line {
        Line {
            slope: zip(&self.slope, &other.slope, combine),
            offset: zip(&self.offset, &other.offset, combine),
        }
    }

    pub(super) fn scaled(&self, factors: &[f64]) -> Line {
        Line {
            slope: zip(&self.slope, factors, |a, b| a * b),
            offset: zip(&self.offset, factors, |a, b| a * b),
        }
    }
}

/// One number for all, or one for each channel.
pub(super) fn at(values: &[f64], channel: usize) -> f64 {
    match values {
        [one] => *one,
        values => values.get(channel).copied().unwrap_or(f64::NAN),
    }
}

pub(super) fn zip(a: &[f64], b: &[f64], combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let channels = a.len().max(b.len());
    (0..channels).map(|c| combine(at(a, c), at(b, c))).collect()
}
