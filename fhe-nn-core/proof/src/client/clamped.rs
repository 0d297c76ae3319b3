//! Values that an encoder cannot tell apart from the ends of its range.

use ndarray::ArrayView2;

use super::ClientSpec;
use crate::widths::Range;

impl ClientSpec {
    /// Counts the values of an input that lie beyond the calibrated range, by more than half a step. Encoding clamps
    /// them to its ends: the network sees the end instead, in the clear as encrypted. A range that was calibrated on
    /// samples unlike the input is seen here.
    ///
    /// Tokens have no range, so none of them is clamped.
    pub fn clamped(&self, input: &[f32]) -> usize {
        if self.tokens.is_some() {
            return 0;
        }
        let range = Range::unsigned(self.input_bits);
        let (lo, hi) = (range.lo as f64 - 0.5, range.hi as f64 + 0.5);
        let is_clamped = |&index: &usize| {
            let (place, x) = ((index, input.len()), input[self.interface.place(index)]);
            let (steps, affine) = self.encoder.steps(place, x);
            !(lo..=hi).contains(&(steps + affine.zero_point as f64))
        };
        (0..input.len()).filter(is_clamped).count()
    }

    /// Counts the values of each input that are clamped; see [`ClientSpec::clamped`].
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; there is one count for each row.
    pub fn clamped_batch(&self, inputs: ArrayView2<'_, f32>) -> Vec<usize> {
        let inputs = inputs.as_standard_layout();
        let rows = inputs.rows().into_iter();
        rows.map(|row| self.clamped(row.to_slice().expect("rows of this layout are slices")))
            .collect()
    }
}
