//! The integers of the model's input, if the model quantizes it or takes integers.

use super::network::{Net, Source};
use crate::import::error::{Refusal, refuse};
use crate::import::place::{Grid, View};

impl Net {
    /// Whether a view has the input as the client normalizes it.
    pub(crate) fn is_input(&mut self, view: &View) -> bool {
        let is_input = matches!(self.bases[view.base].source, Source::Input);
        let line = view.expr.line().filter(|_| is_input);
        line.is_some_and(|line| self.normalized(line).is_itself())
    }

    /// Makes the normalized input one of signs: level 0 for negative values, level 1 for all others. The scale is 2^-64,
    /// so what is negative but above -2^-65 counts as 0.
    pub(crate) fn signs_of_input(&mut self) -> Result<Grid, Refusal> {
        let grid = Grid {
            scale: libm::ldexp(1.0, -64),
            zero_point: 1,
            lo: 0,
            hi: 1,
        };
        self.quantized_input(grid).map(|()| grid)
    }

    /// Keeps the scale of the input, which the client rounds to.
    pub(super) fn quantized_input(&mut self, grid: Grid) -> Result<(), Refusal> {
        let is_quantized = self.widths.iter().any(|(tensor, _)| *tensor == 0);
        if !is_quantized {
            self.grids.push((0, grid));
            self.fix(0, "input", grid, 0)
        } else if self.is_on(0, grid) {
            Ok(())
        } else {
            refuse("the input is quantized a second time, differently")
        }
    }
}
