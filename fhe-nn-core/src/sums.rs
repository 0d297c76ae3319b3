//! Sums over arrays of values, computed for all inputs of a batch on all cores.

use crate::parallel::*;
use fhe_nn_proof::encoder::own_of;
use fhe_nn_proof::graph::Rows;
use fhe_nn_proof::spec::Window;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, LinalgScalar};

/// Sums every window over values `[inputs, channels x height x width]` by weights
/// `[output channels, taps]`. The result is `[inputs, output channels x positions]`. Padding has one value for
/// all channels, or, if there is one group of channels, one for each.
pub(crate) fn convolve<T: LinalgScalar + Send + Sync>(
    window: &Window,
    kernel: ArrayView2<'_, T>,
    padding: &[T],
    values: &Array2<T>,
) -> Array2<T> {
    let mut sums = Array2::zeros((values.nrows(), window.output_len()));
    // the value that every tap reads at every position, the same for all inputs
    let groups = window.groups;
    let (channels, positions, taps) = (window.outputs / groups, window.positions(), window.taps());
    let sources: Vec<Option<usize>> = (0..groups)
        .flat_map(|group| (0..taps).map(move |tap| (group, tap)))
        .flat_map(|(group, tap)| {
            (0..positions).map(move |position| window.source(group * channels, position, tap))
        })
        .collect();
    let rows = sums.axis_iter_mut(Axis(0)).into_par_iter();
    rows.zip(values.axis_iter(Axis(0)))
        .for_each(|(row, input): (_, ArrayView1<'_, T>)| {
            let mut row = row
                .into_shape_with_order((window.outputs, positions))
                .expect("contiguous");
            for group in 0..groups {
                let own = &sources[group * taps * positions..(group + 1) * taps * positions];
                let see = |(place, source): (usize, &Option<usize>)| match source {
                    Some(index) => input[*index],
                    None => {
                        *own_of(padding, place / positions, taps).expect("padding for every tap")
                    }
                };
                let seen = own.iter().enumerate().map(see).collect();
                let seen = Array2::from_shape_vec((taps, positions), seen)
                    .expect("a value for every tap and position");
                let outputs = group * channels..(group + 1) * channels;
                let own = kernel.slice_axis(Axis(0), outputs.clone().into());
                row.slice_axis_mut(Axis(0), outputs.into())
                    .assign(&own.dot(&seen));
            }
        });
    sums
}

/// Adds up tensors `[inputs, values]`. The result is `[inputs, sums]`.
pub(crate) fn add_up<T: LinalgScalar + Send + Sync>(
    rows: &Rows,
    operands: &[&Array2<T>],
    scale: impl Fn(i64) -> T + Sync,
) -> Array2<T> {
    let inputs = operands.first().map_or(0, |operand| operand.nrows());
    let mut sums = Array2::zeros((inputs, rows.len()));
    let all = sums.axis_iter_mut(Axis(0)).into_par_iter();
    all.enumerate().for_each(|(input, mut row)| {
        for (j, sum) in row.iter_mut().enumerate() {
            for term in rows.row(j) {
                let value = operands[term.operand][[input, term.index]];
                *sum = *sum + scale(term.weight) * value;
            }
        }
    });
    sums
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use fhe_nn_proof::graph::Map;
    use fhe_nn_proof::spec::Padding;

    use super::*;

    const WINDOW: Window = Window {
        channels: 2,
        outputs: 4,
        input: [5, 4],
        kernel: [3, 2],
        stride: [2, 1],
        padding: [Padding::both(1), Padding::NONE],
        dilation: [1, 2],
        groups: 2,
    };

    #[test]
    fn a_convolution_is_the_sum_of_its_terms() {
        let kernel = Array2::from_shape_fn((4, 6), |(i, j)| (3 * i + 5 * j) as i16 % 7 - 3);
        let values = Array2::from_shape_fn((3, 40), |(i, j)| (i * 17 + j * 5) as i64 % 11 - 5);
        let sums = convolve(&WINDOW, kernel.mapv(i64::from).view(), &[2], &values);
        let map = Map::Windows {
            window: WINDOW,
            kernel: Cow::Borrowed(&kernel),
            padding: Cow::Borrowed(&[2]),
        };
        assert_eq!((map.len(), sums.dim()), (24, (3, 24)));
        for ((input, j), &sum) in sums.indexed_iter() {
            let terms = map.terms(j);
            let own: i64 = terms
                .iter()
                .map(|term| term.weight * values[[input, term.index]])
                .sum();
            assert_eq!(sum, own + map.constant(j), "{j}");
        }
    }
}
