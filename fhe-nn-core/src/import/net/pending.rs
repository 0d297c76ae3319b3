//! What is not yet written: linear layers, and what the client makes of scores.

use fhe_nn_proof::client::OutputGrid;
use fhe_nn_proof::spec::{ConvSpec, DenseSpec, Op, Overflow, Window};
use ndarray::Array2;

use crate::import::place::View;

/// The weights of a linear layer, and its name.
#[derive(Clone)]
pub(crate) struct Weights {
    pub(crate) name: String,
    /// `[outputs, taps]`.
    pub(crate) matrix: Array2<f64>,
    pub(crate) bias: Vec<f64>,
    /// The scale of each output, if the weights are integers times a scale.
    pub(crate) scales: Option<Vec<f64>>,
}

impl Weights {
    /// The weights of a dense layer with a row for every position of a convolution over `inputs` values, which has
    /// these weights.
    pub(crate) fn each_position(&self, window: &Window, inputs: usize) -> Weights {
        let positions = window.positions();
        let mut matrix = Array2::zeros((window.output_len(), inputs));
        for (row, mut to) in matrix.rows_mut().into_iter().enumerate() {
            let (channel, position) = (row / positions, row % positions);
            for (tap, &weight) in self.matrix.row(channel).iter().enumerate() {
                if let Some(place) = window.source(channel, position, tap) {
                    to[place] += weight;
                }
            }
        }
        let each = |all: &Vec<f64>| -> Vec<f64> {
            let all = all.iter();
            all.flat_map(|&x| std::iter::repeat_n(x, positions))
                .collect()
        };
        Weights {
            name: self.name.clone(),
            matrix,
            bias: each(&self.bias),
            scales: self.scales.as_ref().map(each),
        }
    }
}

/// A linear layer that is not yet written, as what reads it may change its weights.
pub(crate) struct PendingLinear {
    /// The tensor that it reads.
    pub(crate) reads: usize,
    /// The windows of a convolution, and whether they have one axis.
    pub(crate) window: Option<(Window, bool)>,
    pub(crate) weights: Weights,
}

impl PendingLinear {
    /// The layer, with widths that are not yet the final ones.
    pub(super) fn op(&self) -> Op {
        let (weights, accumulator, overflow) = (2, 2, Overflow::Checked);
        match self.window {
            Some((window, flat)) => Op::Conv(ConvSpec {
                window,
                flat,
                weights,
                accumulator,
                overflow,
            }),
            None => Op::Dense(DenseSpec {
                inputs: self.weights.matrix.ncols(),
                outputs: self.weights.matrix.nrows(),
                weights,
                accumulator,
                overflow,
            }),
        }
    }

    /// The shape of the weights in a file of floats.
    pub(super) fn weight_shape(&self) -> Vec<usize> {
        let (channels, taps) = self.weights.matrix.dim();
        match self.window {
            None => vec![channels, taps],
            Some((window, flat)) => {
                let [down, across] = window.kernel;
                let inputs = window.channels / window.groups;
                if flat {
                    vec![channels, inputs, across]
                } else {
                    vec![channels, inputs, down, across]
                }
            }
        }
    }
}

/// Values that the client makes of scores, and that no layer reads.
pub(crate) struct ClientValues {
    /// The scores, as a line of the sums of a layer.
    pub(super) of: View,
    /// The places that each value adds up, and their weight; values are the scores themselves if there are none.
    pub(super) sums: Option<(Vec<Vec<u32>>, f64)>,
    pub(super) grid: Option<OutputGrid>,
}

/// The bit-width of integer weights of absolute value at most `most`: a width `w` has up to `2^(w - 1) - 1`.
pub(crate) fn weight_bits(most: f64) -> u32 {
    let most = most.round_ties_even().max(1.0) as u64;
    (64 - most.leading_zeros() + 1).clamp(2, 16)
}
