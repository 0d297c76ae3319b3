//! What the neurons of a layer read.

use fhe_nn_proof::spec::LinearSpec;
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::tensor::Signal;

/// What the neurons of a layer read.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a> {
    pub(super) linear: &'a LinearSpec,
    pub(super) input: &'a Signal,
    /// The integers of the inputs that are dropped, whose weights are 0.
    pub(super) dropped: &'a [Option<i64>],
    /// Whether a bias makes up for the mean error of a sum.
    pub(super) corrects_bias: bool,
}

/// At most this many samples tell how weights are rounded.
pub(super) const MOST_ROWS: usize = 1 << 12;

impl Reads<'_> {
    /// The value that each tap sees at each position, `[positions, taps]`; `None` for padding and for what is dropped.
    pub(super) fn windows(
        &self,
        group: usize,
        (from, to): (usize, usize),
    ) -> Array2<Option<usize>> {
        let window = self.linear.window;
        let shape = (window.map_or(1, |window| window.positions()), to - from);
        Array2::from_shape_fn(shape, |(position, tap)| match window {
            None => self.dropped[from + tap].is_none().then_some(from + tap),
            Some(window) => {
                let channel = group * (window.outputs / window.groups);
                window.source(channel, position, from + tap)
            }
        })
    }

    /// The range of the sums that a neuron makes of the integers with these weights, over the samples. `windows` are those
    /// of all its taps.
    pub(super) fn extent(&self, windows: &Array2<Option<usize>>, weights: &[i16]) -> Range {
        let taps = self.linear.taps;
        let zero_points: Vec<i64> = (0..taps)
            .map(|tap| self.input.meaning.zero_point(tap, taps))
            .collect();
        let (mut lo, mut hi) = (i64::MAX, i64::MIN);
        let integers = &self.input.integers;
        let stride = integers.nrows().div_ceil(MOST_ROWS).max(1);
        for row in integers.rows().into_iter().step_by(stride) {
            for window in windows.rows() {
                let seen = window.iter().zip(&zero_points).zip(weights);
                let products = seen.map(|((value, zero_point), &weight)| {
                    i64::from(weight) * value.map_or(*zero_point, |value| row[value])
                });
                let sum: i64 = products.sum();
                (lo, hi) = (lo.min(sum), hi.max(sum));
            }
        }
        Range { lo, hi }
    }
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::client::Affine;
    use fhe_nn_proof::spec::{Overflow, Padding, Window};
    use ndarray::Array1;

    use super::*;
    use crate::clear::linear_sums;

    #[test]
    fn an_extent_is_that_of_the_sums_in_the_clear() {
        let window = Window {
            channels: 2,
            outputs: 2,
            input: [3, 3],
            kernel: [2, 2],
            stride: [1, 1],
            padding: [Padding::both(1), Padding::NONE],
            dilation: [1, 1],
            groups: 2,
        };
        let linear = LinearSpec {
            channels: 2,
            taps: 4,
            positions: window.positions(),
            window: Some(window),
            flat: false,
            weights: 4,
            accumulator: 20,
            overflow: Overflow::Calibrated,
        };
        let integers = Array2::from_shape_fn((7, 18), |(row, value)| {
            (row * 31 + value * 17 + row * value) as i64 % 16
        });
        let meaning = Affine {
            scale: 0.5,
            zero_point: 3,
        };
        let input = Signal {
            real: integers.mapv(|q| meaning.real(q)),
            integers,
            meaning: meaning.into(),
            levels: Range::unsigned(4),
        };
        let reads = Reads {
            linear: &linear,
            input: &input,
            dropped: &[None; 4],
            corrects_bias: true,
        };
        let weights = [[3, -2, 1, 0], [-1, 4, -3, 2]];
        let all = Array1::from_iter(weights.as_flattened().iter().copied());
        let all = all.into_shape_with_order((2, 4)).expect("two neurons");
        let padding: Vec<i64> = input.meaning.zero_points().collect();
        let sums = linear_sums(&input.integers, &all, Some(&window), &padding);
        for (group, own) in weights.iter().enumerate() {
            let found = reads.extent(&reads.windows(group, (0, 4)), own);
            let positions = window.positions();
            let sums = sums.columns().into_iter().skip(group * positions);
            let sums: Vec<i64> = sums
                .take(positions)
                .flat_map(|column| column.to_vec())
                .collect();
            let expected = Range {
                lo: sums.iter().copied().min().expect("sums"),
                hi: sums.iter().copied().max().expect("sums"),
            };
            assert_eq!(found, expected, "{group}");
        }
    }
}
