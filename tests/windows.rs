//! Windows that differ by axis and by end: every backend computes what their definition says.

use fhe_nn_core::prelude::*;
use ndarray::{Array2, ArrayD, ArrayView2};

use crate::graphs::same;
use crate::random::Random;

/// Along an axis: taps, stride, padding, dilation, far padding.
type Sizes = [usize; 5];

#[fhe_network(input(shape = [2, 3, 7], bits = 2))]
#[derive(Debug, PartialEq)]
struct Uneven {
    #[bits(weights = 2, overflow = calibrated)]
    conv: Conv<2, 1, (Axis<2, 1, 0, 1, 1>, Axis<3, 2, 2, 1, 1>)>,
    #[bits(output = 2, table = 4)]
    relu: Relu,
    max: MaxPool<(Axis<2, 1, 1, 1, 0>, Axis<3, 2, 0, 1, 1>)>,
    average: AvgPool<(Axis<2, 2, 0, 1, 1>, Axis<1>)>,
    #[bits(weights = 3)]
    scores: Dense<4, 2>,
}

#[fhe_network(input(shape = [2, 9], bits = 2))]
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    #[bits(weights = 2, overflow = calibrated)]
    conv: Conv<2, 2, Axis<3, 2, 0, 2, 3>, 2>,
    #[bits(output = 2, table = 4)]
    relu: Relu,
    max: MaxPool<Axis<2, 1, 1, 2>>,
    average: AvgPool<Axis<3, 3, 0, 1, 2>>,
    #[bits(weights = 3)]
    scores: Dense<4, 2>,
}

#[test]
fn rectangles_are_the_same_encrypted() {
    let plan = same::<Uneven>(31, |random| random.input::<Uneven>(1.0));
    let neurons = plan.stages.iter().map(|stage| stage.sums.neurons);
    // six windows see 3, 2, 6, 4, 6 and 4 values
    assert_eq!(neurons.collect::<Vec<_>>(), [12, 12, 5, 2]);
}

#[test]
fn padding_at_the_far_end_is_the_same_encrypted() {
    let plan = same::<Line>(32, |random| random.input::<Line>(1.0));
    let neurons = plan.stages.iter().map(|stage| stage.sums.neurons);
    // of each channel's four windows, the first and the last see one value
    assert_eq!(neurons.collect::<Vec<_>>(), [8, 4]);
}

#[test]
fn floats_are_those_of_the_definition() {
    floats_agree::<Uneven>(
        33,
        [3, 7],
        [
            [[2, 1, 0, 1, 1], [3, 2, 2, 1, 1]],
            [[2, 1, 1, 1, 0], [3, 2, 0, 1, 1]],
            [[2, 2, 0, 1, 1], [1, 1, 0, 1, 0]],
        ],
        1,
    );
    const NONE: Sizes = [1, 1, 0, 1, 0];
    floats_agree::<Line>(
        34,
        [1, 9],
        [
            [NONE, [3, 2, 0, 2, 3]],
            [NONE, [2, 1, 1, 2, 1]],
            [NONE, [3, 3, 0, 1, 2]],
        ],
        2,
    );
}

/// A model file has both numbers of padding only where they differ, and is the same declaration again.
#[test]
fn declarations_are_what_was_written() {
    let text = Uneven::SPEC.declaration(&[]);
    assert!(
        text.contains("conv: Conv<2, 1, (Axis<2, 1, 0, 1, 1>, Axis<3, 2, 2, 1, 1>)>"),
        "{text}"
    );
    assert!(
        text.contains("max: MaxPool<(Axis<2, 1, 1, 1, 0>, Axis<3, 2, 0, 1, 1>)>"),
        "{text}"
    );
    assert!(
        text.contains("average: AvgPool<(Axis<2, 2, 0, 1, 1>, Axis<1>)>"),
        "{text}"
    );
    let text = Line::SPEC.declaration(&[]);
    assert!(
        text.contains("conv: Conv<2, 2, Axis<3, 2, 0, 2, 3>, 2>"),
        "{text}"
    );
    assert!(text.contains("max: MaxPool<Axis<2, 1, 1, 2>>"), "{text}");
    let stored = serde_json::to_string(Line::SPEC).expect("numbers and names");
    assert!(stored.contains("\"padding\":[0,[0,3]]"), "{stored}");
    assert!(stored.contains("\"padding\":[0,1]"), "{stored}");
}

/// Compares the float network `conv, relu, max, average, scores` with its definition.
fn floats_agree<N: Network>(
    seed: u64,
    area: [usize; 2],
    [conv, max, average]: [[Sizes; 2]; 3],
    groups: usize,
) {
    let mut random = Random(seed);
    let floats = random.floats::<N>();
    let get = |name: &str| floats.get(name).expect("drawn").mapv(f64::from);
    let (weight, bias) = (get("conv.weight"), get("conv.bias"));
    let (last, last_bias) = (get("scores.weight"), get("scores.bias"));
    let input = random.input::<N>(1.0);
    let row = ArrayView2::from_shape((1, input.len()), &input).expect("one row");
    let found = N::float_scores(&floats, row).expect("floats of the network");

    let channels = |values: Vec<f64>, [down, across]: [usize; 2]| -> Vec<Array2<f64>> {
        let channels = values.chunks(down * across);
        let channels = channels.map(|channel| {
            Array2::from_shape_vec((down, across), channel.to_vec()).expect("an area")
        });
        channels.collect()
    };
    let input = channels(input.into_iter().map(f64::from).collect(), area);
    let (ins, outs) = (input.len() / groups, weight.shape()[0]);
    let weights: Vec<f64> = weight.iter().copied().collect();
    let weights: Vec<&[f64]> = weights.chunks(weights.len() / outs).collect();
    let results = (0..outs).map(|output| {
        let group = output / (outs / groups);
        let seen: Vec<Array2<Vec<Option<f64>>>> = input[group * ins..(group + 1) * ins]
            .iter()
            .map(|channel| windows(channel, conv))
            .collect();
        Array2::from_shape_fn(seen[0].dim(), |at| {
            let taps = seen.iter().flat_map(|windows| &windows[at]);
            let products = taps.zip(weights[output]).map(|(x, w)| x.unwrap_or(0.0) * w);
            (products.sum::<f64>() + bias[[output]]).max(0.0)
        })
    });
    let greatest = results.map(|channel| {
        windows(&channel, max).mapv(|taps| taps.into_iter().flatten().fold(f64::MIN, f64::max))
    });
    let averages = greatest.flat_map(|channel| {
        let mean = |taps: Vec<Option<f64>>| taps.iter().flatten().sum::<f64>() / taps.len() as f64;
        windows(&channel, average).mapv(mean).into_iter()
    });
    let averages: Vec<f64> = averages.collect();
    let scores = last
        .outer_iter()
        .zip(&last_bias)
        .map(|(row, bias)| row.iter().zip(&averages).map(|(w, x)| w * x).sum::<f64>() + bias);
    let scores: Vec<f64> = scores.collect();
    assert_eq!(found.len(), scores.len());
    for (found, score) in found.iter().zip(&scores) {
        assert!((found - score).abs() < 1e-6, "{found} is not {score}");
    }
}

/// What each window sees: values, or nothing at padding. It goes over the padded area, as the definition does.
fn windows(channel: &Array2<f64>, axes: [Sizes; 2]) -> Array2<Vec<Option<f64>>> {
    let [down, across] = axes;
    let (height, width) = channel.dim();
    let padded = |[_, _, near, _, far]: Sizes, values: usize| near + values + far;
    let area = (padded(down, height), padded(across, width));
    let mut all = ArrayD::from_elem(vec![area.0, area.1], None);
    for ((y, x), &value) in channel.indexed_iter() {
        all[[y + down[2], x + across[2]]] = Some(value);
    }
    let starts = |[taps, stride, _, dilation, _]: Sizes, values: usize| {
        let spans = (taps - 1) * dilation + 1;
        (0..values)
            .step_by(stride)
            .filter(move |start| start + spans <= values)
            .collect::<Vec<usize>>()
    };
    let (rows, columns) = (starts(down, area.0), starts(across, area.1));
    Array2::from_shape_fn((rows.len(), columns.len()), |(row, column)| {
        let taps = (0..down[0]).flat_map(|y| (0..across[0]).map(move |x| (y, x)));
        taps.map(|(y, x)| all[[rows[row] + y * down[3], columns[column] + x * across[3]]])
            .collect()
    })
}
