//! The grids that a model quantizes values to.

/// `scale (q - zero_point)` for integers `q` in `[lo, hi]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) scale: f64,
    pub(crate) zero_point: i64,
    pub(crate) lo: i64,
    pub(crate) hi: i64,
}

impl Grid {
    /// The bit-width of the integers.
    pub(crate) fn bits(&self) -> u32 {
        let levels = (self.hi - self.lo) as u64;
        64 - levels.leading_zeros()
    }

    /// The reals of the least and the greatest level, to which values are cut.
    pub(crate) fn ends(&self) -> [f64; 2] {
        [self.lo, self.hi].map(|level| self.scale * (level - self.zero_point) as f64)
    }

    /// Whether integers stand for the same reals as on another grid, whatever their limits are.
    pub(crate) fn goes_with(&self, other: Grid) -> bool {
        (self.scale, self.zero_point) == (other.scale, other.zero_point)
    }

    /// Whether the scale is positive, and the zero point is one of several levels.
    pub(crate) fn is_usable(&self) -> bool {
        let scale = self.scale > 0.0 && self.scale.is_normal();
        scale && self.lo < self.hi && (self.lo..=self.hi).contains(&self.zero_point)
    }
}
