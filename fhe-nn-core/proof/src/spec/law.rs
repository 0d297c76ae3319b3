//! Laws of single numbers, and what they have in common.

use super::window::{Padding, Window};
use crate::widths::MAX_VALUES;

/// A law, as the end of the sentence "declaration of `layer` breaks the law".
pub(crate) type Law = &'static str;

/// Greatest width of an integer of an input, and of a weight.
pub(crate) const MAX_INTEGER_BITS: u32 = 16;
/// Greatest width of a result of a table.
pub(crate) const MAX_RESULT_BITS: u32 = 8;
/// Largest kernel, stride, dilation and padding.
const MAX_STEP: usize = 1 << 12;

/// A law that holds or is broken.
pub(crate) fn law(holds: bool, law: Law) -> Result<(), Law> {
    if holds { Ok(()) } else { Err(law) }
}

/// Whether a tensor of these extents stays within the limit on the number of values.
pub(crate) fn small(extents: impl IntoIterator<Item = usize>) -> bool {
    let values = extents.into_iter().fold(1, usize::saturating_mul);
    values as u64 <= MAX_VALUES
}

/// The law of the width of weights.
pub(crate) fn weights(bits: u32) -> Result<(), Law> {
    law(
        (2..=MAX_INTEGER_BITS).contains(&bits),
        "weights have 2 to 16 bits",
    )
}

impl Window {
    /// The laws of its extents; if `flat`, those of a window that moves along one axis.
    pub(crate) fn laws(&self, flat: bool) -> Result<(), Law> {
        let height = [self.input[0], self.kernel[0]];
        law(
            !flat || height == [1, 1] && self.padding[0] == Padding::NONE,
            "windows along one axis have a height of 1",
        )?;
        let ends = self.padding.map(|padding| [padding.near, padding.far]);
        let steps = [self.kernel, self.stride, self.dilation, ends[0], ends[1]];
        let taps = [self.channels, self.kernel[0], self.kernel[1]];
        law(
            steps.as_flattened().iter().all(|&step| step <= MAX_STEP),
            "kernels, strides, dilations and paddings are at most 4,096",
        )?;
        law(
            small([self.channels, self.input[0], self.input[1]])
                && small([self.outputs])
                && small(taps),
            "windows have at most 2^24 values and taps",
        )?;
        law(
            self.check().is_ok(),
            "windows lie within their padded input",
        )
    }
}
